/* ------------------------------------------------------------------------
 * Tags.  The label provider itself is registered when the library is loaded,
 * which the first CREATE FUNCTION below does.
 * ------------------------------------------------------------------------ */

CREATE TYPE tag_spec;

CREATE FUNCTION tag_spec_in(cstring) RETURNS tag_spec
	AS 'MODULE_PATHNAME', 'dsec_tag_spec_in'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION tag_spec_out(tag_spec) RETURNS cstring
	AS 'MODULE_PATHNAME', 'dsec_tag_spec_out'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION tag_spec_recv(internal) RETURNS tag_spec
	AS 'MODULE_PATHNAME', 'dsec_tag_spec_recv'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION tag_spec_send(tag_spec) RETURNS bytea
	AS 'MODULE_PATHNAME', 'dsec_tag_spec_send'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE TYPE tag_spec (
	INPUT = tag_spec_in,
	OUTPUT = tag_spec_out,
	RECEIVE = tag_spec_recv,
	SEND = tag_spec_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = int4,
	STORAGE = extended,
	COLLATABLE = true
);

CREATE FUNCTION tag_spec_eq(tag_spec, tag_spec) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_tag_spec_eq'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION tag_spec_ne(tag_spec, tag_spec) RETURNS boolean
	AS 'MODULE_PATHNAME', 'dsec_tag_spec_ne'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE OPERATOR = (
	LEFTARG = tag_spec, RIGHTARG = tag_spec, FUNCTION = tag_spec_eq,
	COMMUTATOR = =, NEGATOR = <>, RESTRICT = eqsel, JOIN = eqjoinsel
);
CREATE OPERATOR <> (
	LEFTARG = tag_spec, RIGHTARG = tag_spec, FUNCTION = tag_spec_ne,
	COMMUTATOR = <>, NEGATOR = =, RESTRICT = neqsel, JOIN = neqjoinsel
);

-- stored as text: tags compare, sort and group as text where dsec is not in
-- the search_path
CREATE CAST (tag_spec AS text) WITHOUT FUNCTION AS IMPLICIT;

CREATE FUNCTION category(tag tag_spec) RETURNS text
	AS 'MODULE_PATHNAME', 'dsec_tag_spec_category'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION attribute(tag tag_spec, name text) RETURNS text
	AS 'MODULE_PATHNAME', 'dsec_tag_spec_attribute'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON TYPE tag_spec IS
'a parsed tag, as in SECURITY LABEL FOR dsec: text in (DS002 when it is no tag), canonical text out; two tags are equal when their canonical texts are';
COMMENT ON FUNCTION tag_spec_in(cstring) IS 'I/O of dsec.tag_spec; DS002 when the text is no tag';
COMMENT ON FUNCTION tag_spec_out(tag_spec) IS 'I/O of dsec.tag_spec: canonical text';
COMMENT ON FUNCTION tag_spec_recv(internal) IS 'binary I/O of dsec.tag_spec; DS002 when the text is no tag';
COMMENT ON FUNCTION tag_spec_send(tag_spec) IS 'binary I/O of dsec.tag_spec: canonical text';
COMMENT ON FUNCTION tag_spec_eq(tag_spec, tag_spec) IS 'implementation of = for dsec.tag_spec';
COMMENT ON FUNCTION tag_spec_ne(tag_spec, tag_spec) IS 'implementation of <> for dsec.tag_spec';
COMMENT ON CAST (tag_spec AS text) IS 'canonical text';
COMMENT ON OPERATOR = (tag_spec, tag_spec) IS 'equal canonical texts';
COMMENT ON OPERATOR <> (tag_spec, tag_spec) IS 'different canonical texts';
COMMENT ON FUNCTION category(tag_spec) IS
'category of a tag; NULL when it has none (defaults of a relation, labels of functions)';
COMMENT ON FUNCTION attribute(tag_spec, text) IS
'value of an attribute of a tag: class, subject, space, in_scope (population:column), reason or max_typmod; several values are joined by commas, names that need it are in double quotes; NULL when not given; error 22023 when there is no such attribute';

CREATE FUNCTION tag(relation regclass, column_name name, tag text) RETURNS void
	AS 'MODULE_PATHNAME', 'dsec_tag_column_sql'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
CREATE FUNCTION tag(relation regclass, tag text) RETURNS void
	AS 'MODULE_PATHNAME', 'dsec_tag_relation_sql'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
CREATE FUNCTION untag(relation regclass, column_name name) RETURNS void
	AS 'MODULE_PATHNAME', 'dsec_untag_column_sql'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;
CREATE FUNCTION untag(relation regclass) RETURNS void
	AS 'MODULE_PATHNAME', 'dsec_untag_relation_sql'
	LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION tag(regclass, name, text) IS
'says what a column holds and whose data it is, as SECURITY LABEL FOR dsec ON COLUMN does; for the owner and for members of dsec_officer; DS002 when the tag is refused';
COMMENT ON FUNCTION tag(regclass, text) IS
'gives defaults (subject, space, in_scope) for the columns of a relation, as SECURITY LABEL FOR dsec ON TABLE does; for the owner and for members of dsec_officer; DS002 when the tag is refused';
COMMENT ON FUNCTION untag(regclass, name) IS
'removes the tag of a column; for members of dsec_officer; DS002 when refused. Tags that come from an ancestor or the type stay';
COMMENT ON FUNCTION untag(regclass) IS
'removes the defaults of a relation; for members of dsec_officer, and for the owner while no column is tagged; DS002 when refused';

CREATE FUNCTION tagged_column_rows(
	OUT relation regclass,
	OUT column_name name,
	OUT tag tag_spec,
	OUT category text,
	OUT class text,
	OUT source text,
	OUT subject text[],
	OUT space text,
	OUT in_scope text[],
	OUT problem text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'dsec_tagged_column_rows'
	LANGUAGE C STABLE PARALLEL RESTRICTED;

COMMENT ON FUNCTION tagged_column_rows() IS
'rows of the view dsec.tagged_columns, from the cache that enforcement reads; members of dsec_officer and dsec_auditor see all, others relations that they own or may select from';

CREATE VIEW tagged_columns AS
	SELECT relation, column_name, tag, category, class, source, subject,
		   space, in_scope, problem
	  FROM tagged_column_rows();

COMMENT ON VIEW tagged_columns IS
'every tagged column as enforcement sees it; members of dsec_officer and dsec_auditor see all, others relations that they own or may select from';
COMMENT ON COLUMN tagged_columns.tag IS 'effective tag: the label, with the defaults of the relation filled in; NULL with column_name when the labels of the relation cannot be read';
COMMENT ON COLUMN tagged_columns.category IS 'category that the column counts for; a listed identifier counts for covered_identifier';
COMMENT ON COLUMN tagged_columns.class IS 'class of a listed identifier';
COMMENT ON COLUMN tagged_columns.source IS 'where the tag comes from: column (a label of its own), ancestor (a partitioned table, an inheritance parent, or the type of a typed table), type (a labelled domain or type) or generated (the columns of its row that it is generated from)';
COMMENT ON COLUMN tagged_columns.subject IS 'columns that name the subject; NULL: each row version is its own subject';
COMMENT ON COLUMN tagged_columns.space IS 'subject space: in one space, the same key is the same subject';
COMMENT ON COLUMN tagged_columns.in_scope IS 'population:column, by which boolean column a subject belongs to a population';
COMMENT ON COLUMN tagged_columns.problem IS 'why the tag cannot be relied on, so that exports of the column are refused (DS003); NULL: nothing';

REVOKE ALL ON FUNCTION
	tag_spec_in(cstring), tag_spec_out(tag_spec), tag_spec_recv(internal),
	tag_spec_send(tag_spec), tag_spec_eq(tag_spec, tag_spec),
	tag_spec_ne(tag_spec, tag_spec), category(tag_spec),
	attribute(tag_spec, text), tag(regclass, name, text), tag(regclass, text),
	untag(regclass, name), untag(regclass), tagged_column_rows()
	FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
	tag_spec_in(cstring), tag_spec_out(tag_spec), tag_spec_recv(internal),
	tag_spec_send(tag_spec), tag_spec_eq(tag_spec, tag_spec),
	tag_spec_ne(tag_spec, tag_spec), category(tag_spec),
	attribute(tag_spec, text), tag(regclass, name, text), tag(regclass, text),
	untag(regclass, name), untag(regclass), tagged_column_rows()
	TO PUBLIC;
GRANT SELECT ON tagged_columns TO PUBLIC;
