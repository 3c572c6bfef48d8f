//! `russet demo --exit --report`: what the README promises.

use crate::databases::{Kind, fresh};
use crate::story::russet;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_ends_by_itself_with_everything_as_wanted_on_sqlite() {
    the_demo_ends_by_itself(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_ends_by_itself_with_everything_as_wanted_on_postgres() {
    the_demo_ends_by_itself(Kind::Postgres).await;
}

/// Ctrl-C is how the demo ends, so it is no fault; and a server's settings in the environment are not the demo's.
#[tokio::test(flavor = "multi_thread")]
async fn the_demo_stays_until_ctrl_c_and_takes_no_settings_from_outside() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let database = elsewhere.path().join("real.db");
    let mut demo = tokio::process::Command::new(russet())
        .args(["demo", "--devices", "1", "--folder"])
        .arg(folder.path())
        .env("RUSSET_DATABASE_URL", format!("sqlite:{}", database.display()))
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    let mut said = Vec::new();
    while !said.last().is_some_and(|line: &String| line.contains("curl")) {
        said.push(lines.next_line().await.unwrap().expect("the demo goes on until it is stopped"));
    }
    assert!(said.iter().any(|line| line.contains("explain")), "{said:#?}");
    let pid = rustix::process::Pid::from_raw(i32::try_from(demo.id().unwrap()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert!(demo.wait().await.unwrap().success(), "{said:#?}");
    assert!(!database.exists(), "the demo has a database of its own");
    let log = std::fs::read_to_string(folder.path().join("russet.log")).unwrap();
    assert!(log.contains("russet stopped"), "the server is stopped in order: {log}");
}

async fn the_demo_ends_by_itself(kind: Kind) {
    let Some(database) = fresh(kind).await else { return };
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let mut command = tokio::process::Command::new(russet());
    command.args(["demo", "--devices", "25", "--exit", "--report"]).arg(&report);
    if let Some(url) = database.url() {
        command.args(["--database", &url]);
    }
    let output = command.output().await.unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");

    let report: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    assert_eq!(report["as_wanted"], true);
    // 15 iPhones with three apps, 5 iPads with two, 5 Macs with two.
    assert_eq!(report["facts"].as_array().unwrap().len(), 65, "one entry per device and app");
    for head in ["DEVICE", "LICENSE", "SETTINGS ON THE DEVICE", "REASON"] {
        assert!(said.contains(head), "the table has {head}: {said}");
    }
}
