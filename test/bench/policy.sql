-- A recipient over its threshold, for whom the rule logs.
SELECT dsec.add_recipient('Bench', 'XX', 'foreign');
SELECT dsec.bind_role('bench_export', 'Bench');
INSERT INTO dsec.regime (name, title, source) VALUES ('bench', 'For the benchmark', 'test/bench');
INSERT INTO dsec.rule (regime, category, comparator, threshold, unit, window_kind, window_length,
					   applies_to, action, source)
VALUES ('bench', 'personal_health', '>', 10, 'person', 'rolling', '12 months',
		'{foreign}', 'log', 'test/bench');
