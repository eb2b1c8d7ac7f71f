-- dsec.status() in a healthy ledger database, and its warnings.

SELECT current_database() AS here \gset
SELECT item, value, advice FROM dsec.status() WHERE item IN ('mode', 'preloaded', 'worker');
SELECT value = :'here' || ' (this database)' AS here FROM dsec.status() WHERE item = 'ledger database';
SELECT value ~ '^generation \d+: \d+ recipients, \d+ rules$' AS policy FROM dsec.status() WHERE item = 'policy';
SELECT value = 'dsec ' || extversion || ', PostgreSQL ' || current_setting('server_version') AS versions
	FROM dsec.status(), pg_extension WHERE item = 'versions' AND extname = 'dsec';

-- the first row is the answer
CREATE TABLE policy_st (id int PRIMARY KEY, v text, w text);
SELECT dsec.tag('policy_st', 'subject=id; space=person');
SELECT dsec.tag('policy_st', 'v', 'personal_health');
SELECT item, value, advice FROM dsec.status() LIMIT 1;

-- a rule that counts devices, and subjects that are people
SELECT dsec.tag('policy_st', 'v', 'precise_geolocation');
SELECT value, replace(advice, :'here', 'HERE') AS advice FROM dsec.status() WHERE item = 'warning' AND value LIKE '%space person%';
-- a space says what its subjects are; one that says nothing holds people
SELECT dsec.tag('policy_st', 'subject=id; space=policy_st_phones');
SELECT value FROM dsec.status() WHERE item = 'warning' AND value LIKE '%policy_st%';
INSERT INTO dsec.space (name, unit) VALUES ('policy_st_phones', 'device');
-- (the next question waits for the change, status does not)
SELECT count(*) > 0 AS waited FROM dsec.recipients_of();
SELECT value FROM dsec.status() WHERE item = 'warning' AND value LIKE '%policy_st%';
-- and genomes are of people
SELECT dsec.tag('policy_st', 'v', 'human_genomic');
SELECT value FROM dsec.status() WHERE item = 'warning' AND value LIKE '%policy_st%';

-- categories that nobody knows
SELECT dsec.tag('policy_st', 'w', 'policy_st_nonsuch');
SELECT value FROM dsec.status() WHERE item = 'warning' AND value LIKE '%policy_st%';

-- tags that cannot be relied on
ALTER TABLE policy_st DROP COLUMN id;
SELECT regexp_replace(value, '^\d+', 'N') AS value, advice FROM dsec.status() WHERE item = 'warning' AND value LIKE '%tagged columns cannot%';

DROP TABLE policy_st;
DELETE FROM dsec.space WHERE name = 'policy_st_phones';
