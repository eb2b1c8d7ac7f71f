\echo Use "CREATE EXTENSION dsec_test_lineage" to load this file. \quit

CREATE FUNCTION test_verify(query text, mistake text)
RETURNS text LANGUAGE C STRICT AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION test_verify(text, text) IS
'Plans the query, covers the plan, makes the mistake, and gives the verdict of the check.';

CREATE FUNCTION test_transition(relation regclass, query text)
RETURNS SETOF text LANGUAGE C STRICT AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION test_transition(regclass, text) IS
'What a query reads, in which "rows" is a transition table of the relation.';

CREATE FUNCTION test_unknown_node(query text)
RETURNS SETOF text LANGUAGE C STRICT AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION test_unknown_node(text) IS
'What a plan reads when a node that nobody knows is put on its top.';

CREATE FUNCTION test_covered_copies(query text)
RETURNS SETOF text LANGUAGE C STRICT AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION test_covered_copies(text) IS
'Where the plan of a query puts tagged data when the plan has been made to count.';
