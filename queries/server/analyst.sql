-- Analysts on a ClickHouse server: they read the fleet's database, within limits that no statement lifts.
--
-- Run it once as an administrator, after `patchlens migrate`, with the password in place of CHANGE_ME:
--   clickhouse-client --multiquery < queries/server/analyst.sql
-- Another database than patchlens: replace the name in the GRANTs. On a cluster: add ON CLUSTER behind each name.

-- readonly = 2 lets clients choose how an answer looks; what is CONST or has a MAX they cannot choose beyond.
CREATE SETTINGS PROFILE IF NOT EXISTS patchlens_analyst SETTINGS
    readonly = 2 CONST,
    allow_ddl = 0 CONST,
    allow_introspection_functions = 0 CONST,
    max_execution_time = 30 MIN 1 MAX 30,
    timeout_overflow_mode = 'throw' CONST,
    max_result_rows = 1000000 MIN 1 MAX 1000000,
    max_result_bytes = 268435456 MIN 1 MAX 268435456,
    max_memory_usage = 2000000000 MIN 1 MAX 2000000000,
    max_memory_usage_for_user = 8000000000 CONST,
    max_bytes_before_external_group_by = 1000000000 CONST,
    max_bytes_before_external_sort = 1000000000 CONST,
    max_temporary_data_on_disk_size_for_query = 10000000000 CONST,
    max_concurrent_queries_for_user = 8 CONST,
    max_threads = 4 MIN 1 MAX 4,
    max_ast_elements = 5000 MAX 5000,
    max_expanded_ast_elements = 50000 MAX 50000,
    max_hyperscan_regexp_length = 1000 CONST,
    max_hyperscan_regexp_total_length = 10000 CONST,
    format_schema = '' CONST,
    output_format_schema = '' CONST;

CREATE ROLE IF NOT EXISTS patchlens_analyst SETTINGS PROFILE 'patchlens_analyst';

-- SELECT and nothing else: file(), url(), remote(), dictionaries and the like each want a grant of their own.
GRANT SELECT ON patchlens.* TO patchlens_analyst;

GRANT SHOW TABLES, SHOW COLUMNS ON patchlens.* TO patchlens_analyst;

CREATE QUOTA IF NOT EXISTS patchlens_analyst
    KEYED BY user_name
    FOR INTERVAL 1 minute MAX queries = 300, execution_time = 300,
    FOR INTERVAL 1 hour MAX queries = 5000, read_rows = 100000000000, execution_time = 3600
    TO patchlens_analyst;

CREATE USER IF NOT EXISTS analyst
    IDENTIFIED WITH sha256_password BY 'CHANGE_ME'
    DEFAULT ROLE patchlens_analyst
    DEFAULT DATABASE patchlens;

GRANT patchlens_analyst TO analyst;
