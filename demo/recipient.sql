SELECT dsec.add_recipient('Kestrel Analytics', 'XX', 'covered');
SELECT dsec.bind_role('kestrel', 'Kestrel Analytics');
SELECT category, comparator, threshold, unit, source FROM dsec.rule WHERE regime = 'us_dsp' ORDER BY threshold;
