/* ------------------------------------------------------------------------
 * Guard.
 * ------------------------------------------------------------------------ */

CREATE FUNCTION dsec.charge(space text, categories text[], populations text[],
							nkeys integer, rowid boolean, VARIADIC "any")
RETURNS boolean
LANGUAGE C VOLATILE PARALLEL SAFE COST 10000
AS 'MODULE_PATHNAME', 'dsec_charge';

COMMENT ON FUNCTION dsec.charge(text, text[], text[], integer, boolean, "any") IS
'Counts the subject of a row where the row is read. dsec puts calls of it into plans; called from SQL it is refused. Arguments: subject space, categories, populations, number of key columns, whether ctid and tableoid follow, then these columns. Returns true.';
