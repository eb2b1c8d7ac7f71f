SELECT dsec.add_recipient('Example Recipient', 'XX', 'covered');
SELECT dsec.bind_role('partner', 'Example Recipient');
SELECT category, comparator, threshold, unit, source FROM dsec.rule WHERE regime = 'us_dsp' ORDER BY threshold;
