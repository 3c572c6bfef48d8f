//! `russet demo --exit --report`: what the README promises.

use crate::databases::{Kind, fresh};
use crate::story::russet;
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_ends_by_itself_with_everything_as_wanted_on_sqlite() {
    the_demo_ends_by_itself(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_ends_by_itself_with_everything_as_wanted_on_postgres() {
    the_demo_ends_by_itself(Kind::Postgres).await;
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
