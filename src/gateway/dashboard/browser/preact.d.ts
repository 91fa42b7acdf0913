/** Types of preact.js, which the dashboard's server takes from the package htm. */
export * from 'htm/preact';
