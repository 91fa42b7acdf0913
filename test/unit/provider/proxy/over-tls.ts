// Imported first, it has the hazards that are imported next tried over TLS.
process.env.BERTH_TEST_TLS = '1';
