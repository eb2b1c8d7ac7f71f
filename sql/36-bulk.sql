/* ------------------------------------------------------------------------
 * Is it bulk?  Distinct subjects by category, beside the rules in force.
 * ------------------------------------------------------------------------ */

CREATE TYPE dsec.bulk_row AS (
	category text,
	subjects bigint,
	threshold bigint,
	comparator text,
	rule text,
	exceeded boolean
);
COMMENT ON TYPE dsec.bulk_row IS
	'A category and one rule for it, of the result of dsec.bulk.';
COMMENT ON COLUMN dsec.bulk_row.category IS 'as in dsec.category';
COMMENT ON COLUMN dsec.bulk_row.subjects IS
	'exact number of distinct subjects, those of the category''s descendants included';
COMMENT ON COLUMN dsec.bulk_row.threshold IS 'of the rule, in subjects; NULL: no rule for the category is in force';
COMMENT ON COLUMN dsec.bulk_row.comparator IS
	'> when the threshold itself is not bulk yet, >= when it is; NULL: no rule';
COMMENT ON COLUMN dsec.bulk_row.rule IS 'regime and citation, as in dsec.rule; NULL: no rule';
COMMENT ON COLUMN dsec.bulk_row.exceeded IS 'is it bulk under this rule? false when there is none';

CREATE FUNCTION dsec.bulk_transition(internal, text, VARIADIC "any") RETURNS internal
	AS 'MODULE_PATHNAME', 'dsec_bulk_transition'
	LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION dsec.bulk_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'dsec_bulk_combine'
	LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION dsec.bulk_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'dsec_bulk_serialize'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION dsec.bulk_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'dsec_bulk_deserialize'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION dsec.bulk_final(internal) RETURNS dsec.bulk_row[]
	AS 'MODULE_PATHNAME', 'dsec_bulk_final'
	LANGUAGE C STABLE PARALLEL SAFE;

CREATE AGGREGATE dsec.bulk(category text, VARIADIC key "any") (
	SFUNC = dsec.bulk_transition,
	STYPE = internal,
	SSPACE = 2048,
	FINALFUNC = dsec.bulk_final,
	FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = dsec.bulk_combine,
	SERIALFUNC = dsec.bulk_serialize,
	DESERIALFUNC = dsec.bulk_deserialize,
	PARALLEL = SAFE
);

COMMENT ON FUNCTION dsec.bulk_transition(internal, text, VARIADIC "any") IS
	'transition function of the aggregate dsec.bulk';
COMMENT ON FUNCTION dsec.bulk_combine(internal, internal) IS 'combine function of the aggregate dsec.bulk';
COMMENT ON FUNCTION dsec.bulk_serialize(internal) IS
	'serialization function of the aggregate dsec.bulk; the bytes have a version';
COMMENT ON FUNCTION dsec.bulk_deserialize(bytea, internal) IS
	'deserialization function of the aggregate dsec.bulk; invalid_binary_representation for bytes that are no state of it';
COMMENT ON FUNCTION dsec.bulk_final(internal) IS 'final function of the aggregate dsec.bulk';
COMMENT ON AGGREGATE dsec.bulk(text, VARIADIC "any") IS
	'Which categories are bulk, and under which rule: for every category that a row names, and its parents, the exact number of distinct subject keys beside each rule in force today (dsec.timezone), by category and number of the rule. category: as in dsec.category, or listed_identifier; NULL leaves the row out. key: one value or several, of types that can be subject keys, taken as they are given: in no space, and in every population; NULL is no subject. A category without a rule in force has one row. No rows give an empty array. Thresholds: dsec.rule; those shipped are of 28 CFR 202.205. Raises undefined_object when there is no such category, DS002 for a type that cannot be a key, DS003 when dsec is not preloaded or there is no policy in force, feature_not_supported over a moving window frame.';

CREATE FUNCTION dsec.bulk_report(
	relation regclass,
	OUT category text,
	OUT subjects bigint,
	OUT threshold bigint,
	OUT comparator text,
	OUT rule text,
	OUT exceeded boolean,
	OUT unit text,
	OUT population text,
	OUT spaces text[])
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'dsec_bulk_report'
	LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE
	COST 100000 ROWS 10;
COMMENT ON FUNCTION dsec.bulk_report(regclass) IS
	'What a tagged table, partitioned table, materialized view, foreign table or view holds, in one pass over it: for every category of its tagged columns, and its parents, the exact number of distinct subjects of rows where such a column is not NULL, beside each rule in force today (dsec.timezone). Columns are those of dsec.bulk_row; unit and population as in dsec.rule; spaces: whose subjects were added up. Subjects are told apart as in the ledger; a row without key is a subject of its own; a row whose in_scope column is false is not counted by a rule of that population. Reads with the rights of its caller what he may read (row-level security applies), and in a bound session is charged like SELECT. Raises undefined_object when nothing of the relation is tagged, DS003 when a tag cannot be relied on or there is no policy in force.';

REVOKE ALL ON FUNCTION dsec.bulk_transition(internal, text, VARIADIC "any"),
	dsec.bulk_combine(internal, internal), dsec.bulk_serialize(internal),
	dsec.bulk_deserialize(bytea, internal), dsec.bulk_final(internal),
	dsec.bulk(text, VARIADIC "any"), dsec.bulk_report(regclass) FROM PUBLIC;
-- counts what the caller holds, or what he may read; thresholds are law
GRANT EXECUTE ON FUNCTION dsec.bulk(text, VARIADIC "any"), dsec.bulk_report(regclass) TO PUBLIC;
