//! Files with very many facts: with work that grows with the square of their number these tests would
//! take minutes.

use std::fmt::Write as _;

use super::*;

#[test]
fn a_key_with_very_many_values_is_read_in_time() {
    let mut text = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Contoso\r\n".to_owned();
    for number in 0..200_000 {
        write!(text, "    Value{number}    REG_DWORD    0x{number:x}\r\n").unwrap();
    }
    let found = records(text.as_bytes(), Format::RegQuery);
    assert_eq!(found[0].fields.len(), 200_000);
}

#[test]
fn very_many_rows_of_a_history_are_read_in_time() {
    let mut text = String::new();
    for number in 0..100_000 {
        writeln!(text, r#"{{"update_id":"{number}","result_code":"Succeeded","date":"1724119361","title":"KB5041580","operation":"Installation"}}"#).unwrap();
    }
    text.push_str("{\"hotfix_id\":\"KB5041580\",\"csname\":\"PC-1\"}\n");
    let found = records(text.as_bytes(), Format::OsqueryRows);
    assert_eq!(found.len(), 100_001);
    let facts = found.last().unwrap();
    assert_eq!((facts.line, facts.continuations), (100_001, 0));
}
