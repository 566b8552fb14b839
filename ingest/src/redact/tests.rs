//! What goes, and what must stay.

use super::*;
use proptest::prelude::*;

fn redactor() -> Redactor {
    let known = KnownNames {
        users: BTreeSet::from(["zhang.wei".to_owned()]),
        domains: BTreeSet::from(["contoso".to_owned(), "YR-0042".to_owned()]),
    };
    Redactor::new(
        Redaction {
            salt: "fleet".to_owned(),
            ..Redaction::default()
        },
        known,
    )
    .unwrap()
}

#[track_caller]
fn goes(text: &str, planted: &str, class: &str) {
    let out = redactor().text(text).into_owned();
    assert!(
        !out.to_lowercase().contains(&planted.to_lowercase()),
        "{out}"
    );
    assert!(out.contains(&format!("{class}:")), "{out}");
}

#[track_caller]
fn stays(text: &str) {
    assert_eq!(redactor().text(text), text);
}

#[test]
fn names_of_people_go() {
    goes(r"C:\Users\j.doe\AppData\Local\Temp", "j.doe", "user");
    goes(r"\\?\C:\Users\Jane Roe\ntuser.dat", "Jane Roe", "user");
    goes(r"cannot open C:\Users\j.doe: denied", "j.doe", "user");
    goes("file:///C:/Users/j.doe/x", "j.doe", "user");
    goes(r"C:\Users\张伟\Desktop", "张伟", "user");
    goes(r"C:\Documents and Settings\jdoe\x", "jdoe", "user");
    goes(r"by contoso\jdoe at", "jdoe", "user");
    goes(r"by ACME-CORP\jdoe at", "jdoe", "user");
    goes(r"YR-0042\jdoe", "jdoe", "user");
    goes(r#""ObjectName"="ACME-CORP\\jdoe""#, "jdoe", "user");
    goes("session of zhang.wei ended", "zhang.wei", "user");
    goes(
        "UserSid S-1-5-21-1004336348-1177238915-682003330-512.",
        "682003330",
        "sid",
    );
    goes(
        "account jane.roe@bank.example.com failed",
        "jane.roe",
        "email",
    );
    goes("proxy 10.20.30.40:8080", "10.20.30.40", "ip");
    goes("server 192.168.1.7", "192.168.1.7", "ip");
    goes("http://172.16.9.1/wsus", "172.16.9.1", "ip");
    goes("from fe80::8900:6f73:9629:d8f3 port", "fe80", "ip");
    goes("2001:0db8:85a3:0000:0000:8a2e:0370:7334", "8a2e", "ip");
}

#[test]
fn names_go_in_whatever_form_they_are_written() {
    goes(r"C:\Users\Jörg Müller\AppData", "Müller", "user");
    goes(r"C:\Users\Sean O'Brien\AppData", "Brien", "user");
    goes(r#"profile "C:\Users\jane roe" is locked"#, "roe", "user");
    goes(r"profile [C:\Users\jane roe] is locked", "roe", "user");
    goes(r"profile C:\Users\Jane Roe is locked", "Roe", "user");
    goes(r"C:\Users\Anna-Lena Weiß", "Weiß", "user");
    goes(r"\\fs01\users$\jdoe\Desktop", "jdoe", "user");
    goes(r"C:\Users\ZHANGW~1\AppData", "ZHANGW", "user");
    goes(r"by AzureAD\JaneRoe at", "JaneRoe", "user");
    goes(r"by MicrosoftAccount\jane.roe@live.example", "jane", "user");
    goes(r"by CORP_EU\jdoe at", "jdoe", "user");
    goes("UserName: jdoe, state 3", "jdoe", "user");
    goes("USERNAME=jdoe", "jdoe", "user");
    goes(r#""UserName": "张伟""#, "张伟", "user");
    goes("CN=Jane Roe,OU=Staff,DC=corp,DC=example", "Jane", "user");
    goes("mail to jürgen.müller@firma.example!", "müller", "email");
    goes("mail to jürgen.müller@firma.example!", "jürgen", "email");
    goes("мария.петрова@банк.example", "мария", "email");
    goes("jane+patch@bank.example", "jane", "email");
    goes(
        r"HKEY_USERS\S-1-5-21-1004336348-1177238915-682003330-1001_Classes",
        "1001",
        "sid",
    );
    goes(
        r"HKU\S-1-12-1-1004336348-1177238915-682003330-1001\Software",
        "1004336348",
        "sid",
    );
    goes(r"\\?\HarddiskVolume3\Users\jdoe\x", "jdoe", "user");
    goes(r"\\fs01\Users\jdoe\x", "jdoe", "user");
    goes(r"FILES\10.20.30.40\x", "10.20", "ip");
    goes("::ffff:10.20.30.40", "30.40", "ip");
    goes("fe80::1ff:fe23:4567:890a%12", "890a", "ip");
    let out = redactor()
        .text("账户jane.roe@bank.example失败")
        .into_owned();
    assert!(
        out.starts_with("账户email:") && out.ends_with("失败"),
        "{out}"
    );
    // What stands behind a name stays.
    let out = redactor()
        .text(
            r"C:\Users\jdoe Error 0x80070005; C:\Users\Jane failed 0x80070002; user name: jdoe 0x5; [C:\Users\jdoe failed 0x80070003]",
        )
        .into_owned();
    for kept in [
        "Error 0x80070005",
        "failed 0x80070002",
        "0x5",
        "failed 0x80070003",
    ] {
        assert!(out.contains(kept), "{out}");
    }
}

#[test]
fn what_diagnosis_needs_stays() {
    for text in [
        "Package_for_RollupFix~31bf3856ad364e35~amd64~~17763.2090.1.7 0x80073712 KB5041580",
        "10.0.17763.2090",
        "version: 6.5.1.9; faulting module version: 14.0.4.2",
        "requires Servicing Stack v6.3.9600.16384 but current Servicing Stack is v10.0.0.1",
        r"C:\Windows\System32\drivers\WpdMtp.dll",
        r"C:\Users\Public\Desktop and C:\Users\Default\ntuser.dat",
        r"\\?\C:\Windows\WinSxS\amd64_dual_wpdmtp.inf_31bf3856ad364e35_10.0.17763.1_none\x",
        r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion",
        r"NT AUTHORITY\SYSTEM and BUILTIN\Administrators",
        r"PCI\VEN_8086&DEV_1234",
        r"SYSTEM\CurrentControlSet",
        r"COMPONENTS\x.dll",
        "2024-08-20 10:02:41, Info CBS Session: 31171520_2564643148",
        "CWimManager::Mount Add::Bad ::",
        "Exit code = 0x80240439 (cV = eGMBdrs7qkeiwRTr.1.0.0.2)",
        "S-1-5-18",
        "127.0.0.1",
        "{945a8954-c147-4acd-923f-40c45405a658}",
        r"user name: NT AUTHORITY\SYSTEM",
        "The user name or password is incorrect: 0x8007052e",
        "CN=Microsoft Windows, O=Microsoft Corporation, L=Redmond",
        "2024-08-20 10:02:41.123 10:02:41.1000000",
        r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\NetworkList\Profiles\{945a8954-c147}",
        "@%SystemRoot%\\system32\\x.dll,-101",
    ] {
        stays(text);
    }
}

#[test]
fn equal_names_stay_equal_and_the_salt_matters() {
    let one = redactor().text(r"C:\Users\J.Doe\a").into_owned();
    let two = redactor().text(r"D:\Users\j.doe\a").into_owned();
    assert_eq!(one.replacen("C:", "", 1), two.replacen("D:", "", 1));
    let other = Redactor::new(
        Redaction {
            salt: "other".to_owned(),
            ..Redaction::default()
        },
        KnownNames::default(),
    )
    .unwrap();
    assert_ne!(one, other.text(r"C:\Users\J.Doe\a"));
}

#[test]
fn classes_are_switched_one_by_one() {
    let text = r"C:\Users\jdoe\x jane@bank.example S-1-5-21-1-2-3-500 10.1.2.3";
    let off = Redactor::new(Redaction::none(), KnownNames::default()).unwrap();
    assert!(matches!(off.text(text), Cow::Borrowed(_)));
    let only_sids = Redactor::new(
        Redaction {
            sids: true,
            ..Redaction::none()
        },
        KnownNames::default(),
    )
    .unwrap();
    let out = only_sids.text(text).into_owned();
    assert!(
        out.contains("jdoe")
            && out.contains("jane@")
            && out.contains("10.1.2.3")
            && !out.contains("S-1-5-21")
    );
}

#[test]
fn named_values_are_judged_by_their_name() {
    let redactor = redactor();
    assert!(
        redactor
            .field("SubjectUserName", "plainname")
            .starts_with("user:")
    );
    assert_eq!(
        redactor.field("User", r"NT AUTHORITY\SYSTEM"),
        r"NT AUTHORITY\SYSTEM"
    );
    assert_eq!(redactor.field("ModuleVersion", "16.0.1.2"), "16.0.1.2");
    assert_eq!(redactor.field("ErrorCode", "0x80240017"), "0x80240017");
}

proptest! {
    #[test]
    fn redacting_twice_changes_nothing_more(text in "[a-zA-Z0-9 .:@\\\\/-]{0,80}") {
        let redactor = redactor();
        let once = redactor.text(&text).into_owned();
        prop_assert_eq!(redactor.text(&once).into_owned(), once.clone());
    }

    #[test]
    fn a_profile_name_never_survives(name in "[a-z]{4,12}") {
        prop_assume!(is_other(&name));
        let out = redactor().text(&format!(r"open C:\Users\{name}\AppData\x.log failed")).into_owned();
        prop_assert!(!out.contains(&format!("\\{name}\\")), "{}", out);
    }
}

fn is_other(name: &str) -> bool {
    candidate::is_person(name)
}

/// Pieces of texts that are names and addresses, or parts of them.
const PIECES: [&str; 43] = [
    "\\",
    "/",
    "users",
    "Users",
    "documents and settings",
    "@",
    "a.example.com",
    "jdoe",
    ".",
    "-",
    "S-1-5-21-1-2-3",
    "\u{17f}-1-5-21-1-2-3",
    "s",
    "1-5-21-1-2-3",
    "10.20.30.40",
    "10",
    "fe80",
    ":",
    "::",
    "1",
    "2001:db8:0:1:2:3:4:5",
    "2001:db8:0:1",
    " ",
    "\u{e9}",
    "CONTOSO",
    "(",
    ")",
    "=",
    "~",
    "C:",
    "UserName",
    "user name",
    "SAMACCOUNTNAME",
    "account Name\"",
    ": ",
    "\"",
    "CN=Jane Roe,",
    "OU=",
    "/homes$/",
    "/Profiles$/",
    "jdoe",
    "a message that is long enough to reach from one piece to another",
    "\u{5f20}\u{4f1f}",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn no_text_is_passed_over_that_a_search_would_change(
        pieces in proptest::collection::vec(proptest::sample::select(PIECES.as_slice()), 0..16)
    ) {
        let text = pieces.concat();
        let redactor = redactor();
        prop_assert_eq!(redactor.by_shape(&text), redactor.searched(&text));
    }
}
