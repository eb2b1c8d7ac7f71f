/*
 * What cppcheck must know of PostgreSQL's macros to follow the code; used by
 * test/lint only.
 */
#define ERROR 21
#define FATAL 22
#define PANIC 23
#define PGDLLEXPORT
#define PG_MODULE_MAGIC
#define PG_FUNCTION_INFO_V1(name)
#define PG_FUNCTION_ARGS FunctionCallInfo fcinfo
#define FLEXIBLE_ARRAY_MEMBER
#define Assert(condition) ((void) 0)
#define StaticAssertDecl(condition, message)
#define StaticAssertStmt(condition, message) ((void) 0)
#define ereport(level, ...) do { if ((level) >= ERROR) abort(); } while (0)
#define elog(level, ...) do { if ((level) >= ERROR) abort(); } while (0)
#define PG_TRY() if (setjmp(0) == 0) {
#define PG_CATCH() } else {
#define PG_FINALLY() } {
#define PG_END_TRY() }
#define PG_RETURN_NULL() return 0
#define PG_RETURN_VOID() return 0
#define foreach(cell, list) for (cell = list_head(list); cell != NULL; cell = lnext(list, cell))
