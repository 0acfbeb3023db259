"""Moving tables from one database to another, and the certificate of it."""
