-- The grammar of tags, by the type dsec.tag_spec
\set SHOW_CONTEXT never

-- a text and its canonical text; canonical text is a fixed point
CREATE FUNCTION pg_temp.canonical(text) RETURNS text LANGUAGE sql AS
$$ SELECT CASE WHEN $1::dsec.tag_spec::text::dsec.tag_spec::text = $1::dsec.tag_spec::text
   THEN $1::dsec.tag_spec::text ELSE 'NOT A FIXED POINT' END $$;

SELECT pg_temp.canonical(t) FROM (VALUES
	(1, 'personal_health'),
	(2, '  Personal_Health ;'),
	(3, 'listed_identifier; class=gov_id'),
	(4, 'precise_geolocation; subject=device_id; space=device'),
	(5, 'space=person;subject=patient_id'),
	(6, 'subject=(a,b); space=person'),
	(7, 'subject = ( B , "A b" , "c""d" ) ; space = person'),
	(8, 'in_scope=us_person:is_us'),
	(9, 'in_scope=(us_person:is_us, jp_person:is_jp); subject=id; space=person'),
	(10, 'in_scope=b:x; subject=id; in_scope=a:y; space=person'),
	(11, 'declassify; reason=published statistics'),
	(12, E'declassify; reason = \t  many   blanks  '),
	(13, 'declassify; reason="a; b ""c"""'),
	(14, 'declassify; reason=see "table" 3'),
	(15, 'statistical'),
	(16, '"Odd Category"; subject="select"; space="My Space"'),
	(17, '"declassify"'),
	(18, 'x$1; subject=_1; space=a1'),
	(19, 'subject=select; space=table')) v(n, t) ORDER BY n;

-- refused, each with its place and what to do
CREATE FUNCTION pg_temp.refusal(text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE d text; h text;
BEGIN
	PERFORM $1::dsec.tag_spec;
	RETURN 'ACCEPTED';
EXCEPTION WHEN SQLSTATE 'DS002' THEN
	GET STACKED DIAGNOSTICS d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT;
	RETURN concat_ws(' | ', d, nullif(h, ''));
END $$;

SELECT pg_temp.refusal(t) FROM (VALUES
	(1, ''),
	(2, '   '),
	(3, ';'),
	(4, 'a b'),
	(5, 'a; b'),
	(6, 'a;; space=b'),
	(7, 'a, b'),
	(8, 'a; colour=red'),
	(9, '"space"=x'),
	(10, 'space='),
	(11, 'space=a b'),
	(12, 'space=a; space=b'),
	(13, 'space=""'),
	(14, 'subject=(a; space=b'),
	(15, 'subject=(a,); space=b'),
	(16, 'subject=(); space=b'),
	(17, 'subject=a,b; space=c'),
	(18, 'subject=(a,a); space=c'),
	(19, 'subject=(a,b,c,d,e,f,g,h,i); space=c'),
	(20, 'subject="a; space=c'),
	(21, 'subject=1; space=c'),
	(22, 'in_scope=us_person'),
	(23, 'in_scope=us_person:'),
	(24, 'in_scope=a:x; in_scope=a:y'),
	(25, 'in_scope=(a:x, a:y)'),
	(26, 'in_scope=(a:x, b:x, c:x, d:x, e:x, f:x, g:x, h:x, i:x)'),
	(27, 'listed_identifier'),
	(28, 'listed_identifier; class=shoe_size'),
	(29, 'personal_health; class=gov_id'),
	(30, 'class=gov_id'),
	(31, 'declassify'),
	(32, 'declassify; reason='),
	(33, 'declassify; reason=""'),
	(34, 'personal_health; reason=x'),
	(35, 'statistical; reason=x'),
	(36, 'a; declassify'),
	(37, repeat('a', 64)),
	(38, 'subject=' || repeat('a', 64) || '; space=b'),
	(39, 'ö; ß=1')) v(n, t) ORDER BY n;

-- longest names pass
SELECT length(repeat('a', 63)::dsec.tag_spec::text);

-- hostile input: no crash, always an answer
SELECT pg_temp.refusal(repeat('(', 8000)) LIKE 'At character 1:%' AS parens,
	   pg_temp.refusal(repeat('"', 8001)) LIKE '%does not end%' AS quotes,
	   pg_temp.refusal(repeat('a;', 4000)) LIKE '%is expected after%' AS parts,
	   pg_temp.refusal(repeat(' ', 9000)) AS long,
	   pg_temp.refusal('declassify; reason=x' || repeat('"', 8000)) AS growing;
SELECT count(*) FILTER (WHERE pg_temp.refusal(chr(i) || chr(j)) IS NULL) AS without_answer
FROM generate_series(1, 127) i, generate_series(1, 127) j;
-- whatever is cut out of a good tag, the parser answers
SELECT count(*) FILTER (WHERE pg_temp.refusal(substr(t, 1, a) || substr(t, b)) IS NULL)
	AS without_answer
FROM (VALUES ('l; class=gov_id; subject=(a,"b c"); space=p; in_scope=x:y; reason="q"')) v(t),
	generate_series(0, length(t)) a, generate_series(1, length(t) + 1) b;

-- every class
SELECT c, ('listed_identifier; class=' || c)::dsec.tag_spec
FROM unnest('{gov_id,fin_account,device_id,demographic,contact,ad_id,account_auth,network_id,call_detail}'::text[]) c;

-- equality is of canonical texts, in any search_path
SET search_path = dsec;
SELECT 'a; space=s; subject=x'::dsec.tag_spec = 'A;subject=X;space=s;' AS eq,
	   'a; subject=(x,y); space=s'::dsec.tag_spec = 'a; subject=(y,x); space=s' AS order_matters,
	   'a'::dsec.tag_spec <> 'b' AS ne, 'a'::dsec.tag_spec <> 'a' AS not_ne;

RESET search_path;
SELECT 'a; subject=x; space=s'::dsec.tag_spec = 'A; space=s; subject=X'::dsec.tag_spec AS eq,
	   count(DISTINCT t) FROM unnest('{"a;","A","b"}'::dsec.tag_spec[]) t;

-- parts
SELECT dsec.category('personal_health; subject=a; space=b') AS category,
	   dsec.category('subject=a; space=b') AS none,
	   dsec.category('declassify; reason=x') AS function;
SELECT name, dsec.attribute('listed_identifier; class=contact; subject=(a,"B c"); space=p; in_scope=us:x; in_scope=jp:"Y"', name)
FROM unnest('{class,subject,space,in_scope,reason}'::text[]) name;
SELECT dsec.attribute('declassify; reason="a;b"', 'reason');
SELECT dsec.attribute('personal_health', 'colour');
\echo :LAST_ERROR_SQLSTATE

-- binary input parses too
CREATE TEMP TABLE spec (t dsec.tag_spec);
INSERT INTO spec VALUES ('personal_health ; space=b; subject=A');
SELECT encode(dsec.tag_spec_send(t), 'escape') FROM spec;
