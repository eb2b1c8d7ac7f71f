/*-------------------------------------------------------------------------
 *
 * verify.c
 *	  Law L4's last word: does the plan that will run count all it reads?
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "lineage/verify.h"

#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/syscache.h"

static Oid	charge_function = InvalidOid;
static bool charge_function_valid = false;
static bool charge_callback_registered = false;

static void
forget_charge_function(Datum arg, int cacheid, uint32 hashvalue)
{
	charge_function_valid = false;
}

Oid
dsec_lineage_charge_function(void)
{
	Oid			argtypes[] = {TEXTOID, TEXTARRAYOID, TEXTARRAYOID, INT4OID,
	BOOLOID, ANYOID};
	Oid			extension;
	Oid			schema;
	Oid			function = InvalidOid;

	if (charge_function_valid)
		return charge_function;

	if (!charge_callback_registered)
	{
		CacheRegisterSyscacheCallback(PROCOID, forget_charge_function,
									  (Datum) 0);
		CacheRegisterSyscacheCallback(NAMESPACEOID, forget_charge_function,
									  (Datum) 0);
		charge_callback_registered = true;
	}

	extension = get_extension_oid("dsec", true);
	schema = get_namespace_oid("dsec", true);
	if (OidIsValid(extension) && OidIsValid(schema))
	{
		oidvector  *args = buildoidvector(argtypes, lengthof(argtypes));

		function = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
								   CStringGetDatum("charge"),
								   PointerGetDatum(args),
								   ObjectIdGetDatum(schema));
		if (OidIsValid(function) &&
			getExtensionOfObject(ProcedureRelationId, function) != extension)
			function = InvalidOid;
	}

	charge_function = function;
	charge_function_valid = true;
	return charge_function;
}
