-- The tagged table: readings of patients, the same in both clusters.
SELECT setseed(0.5);
CREATE SCHEMA bench;
CREATE TABLE bench.reading (
	reading_id bigint NOT NULL,
	patient_id bigint NOT NULL,
	taken_at timestamptz NOT NULL,
	code text NOT NULL,
	value numeric(8, 2) NOT NULL,
	unit text NOT NULL);

-- a patient's readings lie apart, as they do in a table that grows by the day
INSERT INTO bench.reading
SELECT i, 1 + (i * bigint '7919') % :subjects, timestamptz '2024-01-01 00:00+00' + i * interval '11 seconds',
	(ARRAY['heart rate', 'body temperature', 'blood pressure', 'oxygen saturation'])[1 + i % 4],
	(random() * 200)::numeric(8, 2),
	(ARRAY['1/min', 'Cel', 'mm[Hg]', '%'])[1 + i % 4]
FROM generate_series(1, :rows) i;

CREATE ROLE bench_export LOGIN;
GRANT pg_write_server_files, pg_read_server_files TO bench_export;
GRANT EXECUTE ON FUNCTION pg_read_file(text) TO bench_export;
GRANT USAGE ON SCHEMA bench TO bench_export;
GRANT SELECT ON ALL TABLES IN SCHEMA bench TO bench_export;
VACUUM (FREEZE, ANALYZE) bench.reading;
CHECKPOINT;
