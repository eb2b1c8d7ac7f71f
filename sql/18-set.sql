/* ------------------------------------------------------------------------
 * Sets of subjects as values.
 * ------------------------------------------------------------------------ */

CREATE TYPE subject_set;

CREATE FUNCTION subject_set_in(cstring) RETURNS subject_set
	AS 'MODULE_PATHNAME', 'dsec_subject_set_in'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION subject_set_out(subject_set) RETURNS cstring
	AS 'MODULE_PATHNAME', 'dsec_subject_set_out'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION subject_set_recv(internal) RETURNS subject_set
	AS 'MODULE_PATHNAME', 'dsec_subject_set_recv'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION subject_set_send(subject_set) RETURNS bytea
	AS 'MODULE_PATHNAME', 'dsec_subject_set_send'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION subject_set_analyze(internal) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_subject_set_analyze'
	LANGUAGE C STABLE STRICT PARALLEL SAFE;

-- hashes do not compress, so nobody shall try
CREATE TYPE subject_set (
	INPUT = subject_set_in,
	OUTPUT = subject_set_out,
	RECEIVE = subject_set_recv,
	SEND = subject_set_send,
	ANALYZE = subject_set_analyze,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = double,
	STORAGE = external
);

-- Without these, a call like dsec.subject_set(name) would be taken for a cast
-- through I/O to the type of that name, and not for the aggregate.
CREATE FUNCTION subject_set_from_text(text) RETURNS subject_set
	AS 'MODULE_PATHNAME', 'dsec_subject_set_from_text'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION subject_set_from_text(character) RETURNS subject_set
	AS 'MODULE_PATHNAME', 'dsec_subject_set_from_bpchar'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION subject_set_from_text(name) RETURNS subject_set
	AS 'MODULE_PATHNAME', 'dsec_subject_set_from_name'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE CAST (text AS subject_set) WITH FUNCTION subject_set_from_text(text);
CREATE CAST (varchar AS subject_set) WITH FUNCTION subject_set_from_text(text);
CREATE CAST (character AS subject_set) WITH FUNCTION subject_set_from_text(character);
CREATE CAST (name AS subject_set) WITH FUNCTION subject_set_from_text(name);

CREATE FUNCTION subject_set_or(subject_set, subject_set) RETURNS subject_set
	AS 'MODULE_PATHNAME', 'dsec_subject_set_or'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION subject_set_and(subject_set, subject_set) RETURNS subject_set
	AS 'MODULE_PATHNAME', 'dsec_subject_set_and'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION subject_set_minus(subject_set, subject_set) RETURNS subject_set
	AS 'MODULE_PATHNAME', 'dsec_subject_set_minus'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION subject_set_contains(subject_set, subject_set) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_subject_set_contains'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION subject_set_contained(subject_set, subject_set) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_subject_set_contained'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION subject_set_eq(subject_set, subject_set) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_subject_set_eq'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION subject_set_ne(subject_set, subject_set) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_subject_set_ne'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION subject_set_hash(subject_set) RETURNS integer
	AS 'MODULE_PATHNAME', 'dsec_subject_set_hash'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION subject_set_hash_extended(subject_set, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'dsec_subject_set_hash_extended'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION cardinality(subject_set) RETURNS bigint
	AS 'MODULE_PATHNAME', 'dsec_subject_set_cardinality'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE OPERATOR | (
	LEFTARG = subject_set, RIGHTARG = subject_set, FUNCTION = subject_set_or,
	COMMUTATOR = |
);
CREATE OPERATOR & (
	LEFTARG = subject_set, RIGHTARG = subject_set, FUNCTION = subject_set_and,
	COMMUTATOR = &
);
CREATE OPERATOR - (
	LEFTARG = subject_set, RIGHTARG = subject_set, FUNCTION = subject_set_minus
);
CREATE OPERATOR @> (
	LEFTARG = subject_set, RIGHTARG = subject_set, FUNCTION = subject_set_contains,
	COMMUTATOR = <@, RESTRICT = contsel, JOIN = contjoinsel
);
CREATE OPERATOR <@ (
	LEFTARG = subject_set, RIGHTARG = subject_set, FUNCTION = subject_set_contained,
	COMMUTATOR = @>, RESTRICT = contsel, JOIN = contjoinsel
);
CREATE OPERATOR = (
	LEFTARG = subject_set, RIGHTARG = subject_set, FUNCTION = subject_set_eq,
	COMMUTATOR = =, NEGATOR = <>, RESTRICT = eqsel, JOIN = eqjoinsel, HASHES
);
CREATE OPERATOR <> (
	LEFTARG = subject_set, RIGHTARG = subject_set, FUNCTION = subject_set_ne,
	COMMUTATOR = <>, NEGATOR = =, RESTRICT = neqsel, JOIN = neqjoinsel
);

CREATE OPERATOR FAMILY subject_set_ops USING hash;
CREATE OPERATOR CLASS subject_set_ops DEFAULT FOR TYPE subject_set USING hash FAMILY subject_set_ops AS
	OPERATOR 1 =,
	FUNCTION 1 subject_set_hash(subject_set),
	FUNCTION 2 subject_set_hash_extended(subject_set, bigint);

CREATE FUNCTION subject_set_add(internal, VARIADIC "any") RETURNS internal
	AS 'MODULE_PATHNAME', 'dsec_subject_set_add'
	LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION subject_set_result(internal) RETURNS subject_set
	AS 'MODULE_PATHNAME', 'dsec_subject_set_result'
	LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION subject_set_union_add(internal, subject_set) RETURNS internal
	AS 'MODULE_PATHNAME', 'dsec_subject_set_union_add'
	LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION subject_set_union_result(internal) RETURNS subject_set
	AS 'MODULE_PATHNAME', 'dsec_subject_set_union_result'
	LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION subject_set_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'dsec_subject_set_combine'
	LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION subject_set_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'dsec_subject_set_serialize'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION subject_set_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'dsec_subject_set_deserialize'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION subject_set_union_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'dsec_subject_set_union_combine'
	LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION subject_set_union_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'dsec_subject_set_union_serialize'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION subject_set_union_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'dsec_subject_set_union_deserialize'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

-- SSPACE: an empty state has 300 bytes; the rest is room for some hundred subjects
CREATE AGGREGATE subject_set(VARIADIC "any") (
	SFUNC = subject_set_add,
	STYPE = internal,
	SSPACE = 4096,
	FINALFUNC = subject_set_result,
	FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = subject_set_combine,
	SERIALFUNC = subject_set_serialize,
	DESERIALFUNC = subject_set_deserialize,
	PARALLEL = SAFE
);
CREATE AGGREGATE subject_set_union(subject_set) (
	SFUNC = subject_set_union_add,
	STYPE = internal,
	SSPACE = 4096,
	FINALFUNC = subject_set_union_result,
	FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = subject_set_union_combine,
	SERIALFUNC = subject_set_union_serialize,
	DESERIALFUNC = subject_set_union_deserialize,
	PARALLEL = SAFE
);

COMMENT ON TYPE subject_set IS
'an exact set of subjects: the hashes of their keys under the key of the server (dsec.key_file), 8 bytes a subject, at most 134 million in 1 GB. Text: subject_set:1:number of the key:number of subjects:hashes in base64. Sets made under different keys do not mix (DS003). A set does not show who is in it, but who may call dsec.subject_set() on the same server can ask whether a given key is';
COMMENT ON FUNCTION subject_set_in(cstring) IS 'I/O of dsec.subject_set; error 22P02 when the text is no set';
COMMENT ON FUNCTION subject_set_out(subject_set) IS 'I/O of dsec.subject_set; one set has one text; error 54000 when it would exceed 1 GB (about 100 million subjects)';
COMMENT ON FUNCTION subject_set_recv(internal) IS 'binary I/O of dsec.subject_set; error 22P03 when the bytes are no set';
COMMENT ON FUNCTION subject_set_send(subject_set) IS 'binary I/O of dsec.subject_set: version (2 bytes), flags (2), number of the key (8), number of subjects (8), hashes (8 each), big-endian';
COMMENT ON FUNCTION subject_set_analyze(internal) IS 'ANALYZE of dsec.subject_set: NULLs and width; sets are not compared, for they may have been made under different keys';
COMMENT ON FUNCTION subject_set_from_text(text) IS 'the set whose text this is; error 22P02 when it is none';
COMMENT ON FUNCTION subject_set_from_text(character) IS 'the set whose text this is; error 22P02 when it is none';
COMMENT ON FUNCTION subject_set_from_text(name) IS 'the set whose text this is; error 22P02 when it is none';
COMMENT ON CAST (text AS subject_set) IS 'as input; so that dsec.subject_set() of a text is the aggregate and not a cast';
COMMENT ON CAST (varchar AS subject_set) IS 'as input; so that dsec.subject_set() of a varchar is the aggregate and not a cast';
COMMENT ON CAST (character AS subject_set) IS 'as input; so that dsec.subject_set() of a character is the aggregate and not a cast';
COMMENT ON CAST (name AS subject_set) IS 'as input; so that dsec.subject_set() of a name is the aggregate and not a cast';
COMMENT ON FUNCTION subject_set_or(subject_set, subject_set) IS 'implementation of | for dsec.subject_set';
COMMENT ON FUNCTION subject_set_and(subject_set, subject_set) IS 'implementation of & for dsec.subject_set';
COMMENT ON FUNCTION subject_set_minus(subject_set, subject_set) IS 'implementation of - for dsec.subject_set';
COMMENT ON FUNCTION subject_set_contains(subject_set, subject_set) IS 'implementation of @> for dsec.subject_set';
COMMENT ON FUNCTION subject_set_contained(subject_set, subject_set) IS 'implementation of <@ for dsec.subject_set';
COMMENT ON FUNCTION subject_set_eq(subject_set, subject_set) IS 'implementation of = for dsec.subject_set';
COMMENT ON FUNCTION subject_set_ne(subject_set, subject_set) IS 'implementation of <> for dsec.subject_set';
COMMENT ON FUNCTION subject_set_hash(subject_set) IS 'hash of a dsec.subject_set, for DISTINCT, GROUP BY and joins';
COMMENT ON FUNCTION subject_set_hash_extended(subject_set, bigint) IS 'seeded hash of a dsec.subject_set, for hash partitions';
COMMENT ON OPERATOR | (subject_set, subject_set) IS 'subjects of either set; DS003 when the sets were made under different keys';
COMMENT ON OPERATOR & (subject_set, subject_set) IS 'subjects of both sets; DS003 when the sets were made under different keys';
COMMENT ON OPERATOR - (subject_set, subject_set) IS 'subjects of the first set that are not in the second; DS003 when the sets were made under different keys';
COMMENT ON OPERATOR @> (subject_set, subject_set) IS 'does the first set hold all subjects of the second; DS003 when the sets were made under different keys';
COMMENT ON OPERATOR <@ (subject_set, subject_set) IS 'are all subjects of the first set in the second; DS003 when the sets were made under different keys';
COMMENT ON OPERATOR = (subject_set, subject_set) IS 'do the sets hold the same subjects; DS003 when the sets were made under different keys';
COMMENT ON OPERATOR <> (subject_set, subject_set) IS 'do the sets hold different subjects; DS003 when the sets were made under different keys';
COMMENT ON OPERATOR FAMILY subject_set_ops USING hash IS 'DISTINCT, GROUP BY and joins of dsec.subject_set; there is no order of sets';
COMMENT ON OPERATOR CLASS subject_set_ops USING hash IS 'DISTINCT, GROUP BY and joins of dsec.subject_set; there is no order of sets';
COMMENT ON FUNCTION cardinality(subject_set) IS 'number of subjects in a set; reads the header of the set only';
COMMENT ON FUNCTION subject_set_add(internal, "any") IS 'transition function of dsec.subject_set()';
COMMENT ON FUNCTION subject_set_result(internal) IS 'final function of dsec.subject_set()';
COMMENT ON FUNCTION subject_set_union_add(internal, subject_set) IS 'transition function of dsec.subject_set_union()';
COMMENT ON FUNCTION subject_set_union_result(internal) IS 'final function of dsec.subject_set_union()';
COMMENT ON FUNCTION subject_set_combine(internal, internal) IS 'merges two states of dsec.subject_set()';
COMMENT ON FUNCTION subject_set_union_combine(internal, internal) IS 'merges two states of dsec.subject_set_union()';
COMMENT ON FUNCTION subject_set_serialize(internal) IS 'state of dsec.subject_set() as bytes';
COMMENT ON FUNCTION subject_set_union_serialize(internal) IS 'state of dsec.subject_set_union() as bytes: the binary form of the set';
COMMENT ON FUNCTION subject_set_deserialize(bytea, internal) IS 'state of dsec.subject_set() from bytes; error XX001 when they are none';
COMMENT ON FUNCTION subject_set_union_deserialize(bytea, internal) IS 'state of dsec.subject_set_union() from bytes; error XX001 when they are none';
COMMENT ON AGGREGATE subject_set(VARIADIC "any") IS
'exact set of the subjects whose keys, of one or several columns, are given; a key with a NULL is no subject; the empty set when there is none. Errors: DS003 without the key of the server (dsec must be preloaded), DS002 for a type that cannot be a subject key, 0A000 for window frames that do not begin with UNBOUNDED PRECEDING or that exclude rows. PostgreSQL takes a call with one key of another string type than text, varchar, char, name or a domain over them for a cast to type dsec.subject_set; for citext this ends it: CREATE CAST (citext AS dsec.subject_set) WITH FUNCTION dsec.subject_set_from_text(text)';
COMMENT ON AGGREGATE subject_set_union(subject_set) IS
'subjects of all sets; NULL sets are passed over, NULL when there is no set. Errors: DS003 when the sets were made under different keys, 0A000 for window frames that do not begin with UNBOUNDED PRECEDING or that exclude rows';

REVOKE ALL ON FUNCTION
	subject_set_in(cstring),
	subject_set_out(subject_set),
	subject_set_recv(internal),
	subject_set_send(subject_set),
	subject_set_analyze(internal),
	subject_set_from_text(text),
	subject_set_from_text(character),
	subject_set_from_text(name),
	subject_set_or(subject_set, subject_set),
	subject_set_and(subject_set, subject_set),
	subject_set_minus(subject_set, subject_set),
	subject_set_contains(subject_set, subject_set),
	subject_set_contained(subject_set, subject_set),
	subject_set_eq(subject_set, subject_set),
	subject_set_ne(subject_set, subject_set),
	subject_set_hash(subject_set),
	subject_set_hash_extended(subject_set, bigint),
	cardinality(subject_set),
	subject_set_add(internal, VARIADIC "any"),
	subject_set_result(internal),
	subject_set_union_add(internal, subject_set),
	subject_set_union_result(internal),
	subject_set_combine(internal, internal),
	subject_set_union_combine(internal, internal),
	subject_set_serialize(internal),
	subject_set_union_serialize(internal),
	subject_set_deserialize(bytea, internal),
	subject_set_union_deserialize(bytea, internal),
	subject_set(VARIADIC "any"),
	subject_set_union(subject_set)
	FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
	subject_set_out(subject_set),
	subject_set_send(subject_set),
	subject_set_from_text(text),
	subject_set_from_text(character),
	subject_set_from_text(name),
	subject_set_or(subject_set, subject_set),
	subject_set_and(subject_set, subject_set),
	subject_set_minus(subject_set, subject_set),
	subject_set_contains(subject_set, subject_set),
	subject_set_contained(subject_set, subject_set),
	subject_set_eq(subject_set, subject_set),
	subject_set_ne(subject_set, subject_set),
	subject_set_hash(subject_set),
	subject_set_hash_extended(subject_set, bigint),
	cardinality(subject_set),
	subject_set_in(cstring),
	subject_set_recv(internal),
	subject_set(VARIADIC "any"),
	subject_set_union(subject_set)
	TO PUBLIC;
