\echo Use "CREATE EXTENSION dsec_test_event" to load this file. \quit

-- take slots and hold them; returns how many this session holds
CREATE FUNCTION test_event_take(count integer = 1, channel text = 'select', relation text = 'public.t(c)',
	recipient text = 'acme', query_id bigint = 1)
RETURNS integer LANGUAGE c STRICT AS 'MODULE_PATHNAME';

-- set the outcome of the slot taken last
CREATE FUNCTION test_event_fill(decision text, rows bigint, category text, subjects bigint, charged bigint)
RETURNS void LANGUAGE c STRICT AS 'MODULE_PATHNAME';

-- give up to so many slots back: publish, durably, release
CREATE FUNCTION test_event_end(how text, count integer = 1)
RETURNS boolean LANGUAGE c STRICT AS 'MODULE_PATHNAME';

-- publish what is held when the transaction ends, as a guard would
CREATE FUNCTION test_event_end_with_transaction()
RETURNS void LANGUAGE c STRICT AS 'MODULE_PATHNAME';

-- refuse, or let pass over a threshold, the export whose slot was taken last
CREATE FUNCTION test_event_refuse(recipient text, category text, counted bigint, citation text)
RETURNS void LANGUAGE c STRICT AS 'MODULE_PATHNAME';

CREATE FUNCTION test_event_log(recipient text, category text, counted bigint, citation text)
RETURNS void LANGUAGE c STRICT AS 'MODULE_PATHNAME';

CREATE FUNCTION test_event_loss(what text)
RETURNS void LANGUAGE c STRICT AS 'MODULE_PATHNAME';

-- put these bytes where no caller should: into the name fields of the last slot
CREATE FUNCTION test_event_spoil(bytes bytea, address text)
RETURNS void LANGUAGE c STRICT AS 'MODULE_PATHNAME';
