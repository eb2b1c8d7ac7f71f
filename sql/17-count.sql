/* ------------------------------------------------------------------------
 * Counting people: exact, and split by PostgreSQL as it splits count().
 * ------------------------------------------------------------------------ */

CREATE FUNCTION subject_count_add(internal, VARIADIC "any") RETURNS internal
	AS 'MODULE_PATHNAME', 'dsec_subject_count_add'
	LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION subject_count_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'dsec_subject_count_combine'
	LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION subject_count_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'dsec_subject_count_serialize'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION subject_count_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'dsec_subject_count_deserialize'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION subject_count_final(internal) RETURNS bigint
	AS 'MODULE_PATHNAME', 'dsec_subject_count_final'
	LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION subject_count_enter(internal, VARIADIC "any") RETURNS internal
	AS 'MODULE_PATHNAME', 'dsec_subject_count_enter'
	LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION subject_count_leave(internal, VARIADIC "any") RETURNS internal
	AS 'MODULE_PATHNAME', 'dsec_subject_count_leave'
	LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION subject_count_within(internal) RETURNS bigint
	AS 'MODULE_PATHNAME', 'dsec_subject_count_within'
	LANGUAGE C IMMUTABLE PARALLEL SAFE;

/*
 * How many subjects a group will have is not known to the planner.  16 kB are
 * the state of some 700 subjects with an integer key.
 */
CREATE AGGREGATE subject_count(VARIADIC "any") (
	SFUNC = subject_count_add,
	STYPE = internal,
	SSPACE = 16384,
	FINALFUNC = subject_count_final,
	FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = subject_count_combine,
	SERIALFUNC = subject_count_serialize,
	DESERIALFUNC = subject_count_deserialize,
	MSFUNC = subject_count_enter,
	MINVFUNC = subject_count_leave,
	MSTYPE = internal,
	MSSPACE = 65536,
	MFINALFUNC = subject_count_within,
	MFINALFUNC_MODIFY = READ_ONLY,
	PARALLEL = SAFE
);

CREATE FUNCTION over_threshold_add(internal, bigint, VARIADIC "any") RETURNS internal
	AS 'MODULE_PATHNAME', 'dsec_over_threshold_add'
	LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION over_threshold_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'dsec_over_threshold_combine'
	LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION over_threshold_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'dsec_over_threshold_serialize'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION over_threshold_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'dsec_over_threshold_deserialize'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION over_threshold_final(internal) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_over_threshold_final'
	LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE AGGREGATE over_threshold(threshold bigint, VARIADIC key "any") (
	SFUNC = over_threshold_add,
	STYPE = internal,
	SSPACE = 16384,
	FINALFUNC = over_threshold_final,
	FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = over_threshold_combine,
	SERIALFUNC = over_threshold_serialize,
	DESERIALFUNC = over_threshold_deserialize,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE subject_count(VARIADIC "any") IS
'exact number of distinct subjects among the keys given (one argument, or several for a key of several columns); a row in which a part of the key is NULL has no subject; 0 when there are none. Equal values of one type are one subject. Error DS002 when a type cannot be a subject key; over windows, frames with EXCLUDE are refused, and frames whose start moves when arguments or FILTER hold volatile functions or subqueries';
COMMENT ON AGGREGATE over_threshold(bigint, VARIADIC "any") IS
'are there more than threshold distinct subjects among the keys given; counts like subject_count(), but remembers no more subjects than the threshold, and none once it is exceeded. Errors when threshold is NULL or negative or not the same for all rows of a group; DS002 when a type cannot be a subject key; over windows, frames whose start moves and frames with EXCLUDE are refused: use subject_count(...) OVER (...) > threshold';
COMMENT ON FUNCTION subject_count_add(internal, VARIADIC "any") IS
'transition function of subject_count(): a row''s key';
COMMENT ON FUNCTION subject_count_combine(internal, internal) IS
'combine function of subject_count()';
COMMENT ON FUNCTION subject_count_serialize(internal) IS
'serialisation function of subject_count(): a header with format version, width and number, then distinct keys, raw or digested';
COMMENT ON FUNCTION subject_count_deserialize(bytea, internal) IS
'deserialisation function of subject_count(); error 22P03 for bytes that are no such state';
COMMENT ON FUNCTION subject_count_final(internal) IS
'final function of subject_count()';
COMMENT ON FUNCTION subject_count_enter(internal, VARIADIC "any") IS
'transition function of subject_count() over a window frame that moves: a row enters';
COMMENT ON FUNCTION subject_count_leave(internal, VARIADIC "any") IS
'inverse transition function of subject_count() over a window frame that moves: a row leaves';
COMMENT ON FUNCTION subject_count_within(internal) IS
'final function of subject_count() over a window frame that moves';
COMMENT ON FUNCTION over_threshold_add(internal, bigint, VARIADIC "any") IS
'transition function of over_threshold(): the threshold and a row''s key';
COMMENT ON FUNCTION over_threshold_combine(internal, internal) IS
'combine function of over_threshold()';
COMMENT ON FUNCTION over_threshold_serialize(internal) IS
'serialisation function of over_threshold(): the state of subject_count() with the threshold, which is complemented when it is exceeded';
COMMENT ON FUNCTION over_threshold_deserialize(bytea, internal) IS
'deserialisation function of over_threshold(); error 22P03 for bytes that are no such state';
COMMENT ON FUNCTION over_threshold_final(internal) IS
'final function of over_threshold()';

REVOKE ALL ON FUNCTION
	subject_count_add(internal, VARIADIC "any"),
	subject_count_combine(internal, internal),
	subject_count_serialize(internal),
	subject_count_deserialize(bytea, internal),
	subject_count_final(internal),
	subject_count_enter(internal, VARIADIC "any"),
	subject_count_leave(internal, VARIADIC "any"),
	subject_count_within(internal),
	over_threshold_add(internal, bigint, VARIADIC "any"),
	over_threshold_combine(internal, internal),
	over_threshold_serialize(internal),
	over_threshold_deserialize(bytea, internal),
	over_threshold_final(internal),
	subject_count(VARIADIC "any"),
	over_threshold(bigint, VARIADIC "any")
	FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
	subject_count(VARIADIC "any"),
	over_threshold(bigint, VARIADIC "any")
	TO PUBLIC;
