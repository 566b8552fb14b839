use super::*;

#[test]
fn attacks_are_refused() {
    for attack in [
        "INSERT INTO device SELECT * FROM device",
        "SELECT 1; DROP TABLE device",
        "SELECT 1 INTO OUTFILE '/tmp/x'",
        "SELECT 1 FORMAT Null",
        "SELECT 1 SETTINGS max_execution_time = 0",
        "SELECT file('/etc/passwd')",
        "SELECT `file`('/etc/passwd')",
        "SELECT \"FILE\" ('/etc/passwd')",
        "SELECT * FROM file('/etc/passwd')",
        "SELECT * FROM url('http://169.254.169.254/', CSV)",
        "SELECT * FROM numbers(1), url('http://x')",
        "SELECT * FROM device JOIN remote('10.0.0.1', d.t) USING x",
        "SELECT 1 WHERE 1 IN s3('http://x')",
        "SELECT * FROM executable('id', TSV, 'a String')",
        "SELECT * FROM s3Cluster('c', 'http://x')",
        "SELECT * FROM system.users",
        "SELECT * FROM `system`.`users`",
        "SELECT * FROM System . users",
        "SELECT * FROM information_schema.tables",
        "SELECT dictGet('d', 'a', 1)",
        "SELECT sleep(3)",
        "SELECT 1) SETTINGS readonly = 0 --",
        "SELECT 1) UNION ALL (SELECT 2",
        "SELECT (1",
        "SELECT 'a",
        "SELECT /* a",
        "SELECT 1 /* /* */ ; DROP TABLE device */",
        "SELECT {x:String}",
        "SELECT $$a$$",
        "SELECT 1 # ) SETTINGS",
        "KILL QUERY WHERE 1",
        "SET readonly = 0",
        "SYSTEM SHUTDOWN",
        "EXPLAIN SELECT 1",
        "",
    ] {
        assert!(guarded(attack, 10).is_err(), "{attack}");
    }
}

#[test]
fn questions_are_run_within_limits() {
    for question in [
        "SELECT count() FROM device",
        "with x as (select 1) select * from x",
        "SELECT 'INTO OUTFILE; file(' AS note, \"odd name\" FROM device -- a comment",
        "SELECT lower(device_name), if(x IN (1, 2), 'a', 'b') FROM device WHERE site IN (SELECT site FROM device)",
        "SELECT * FROM numbers(10), numbers(3)",
        "SELECT '深圳' AS site /* where */ , 1.5e3, d.device_id FROM device AS d",
        "SELECT format('{}', 1), map('a', 1)",
    ] {
        let sql = guarded(question, 10).unwrap_or_else(|reason| panic!("{question}: {reason}"));
        assert!(sql.contains(question) && sql.contains("LIMIT 11"));
    }
}
