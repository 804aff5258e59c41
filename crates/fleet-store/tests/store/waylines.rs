//! Wayline files: back after a restart, within the caller's bounds.

use fleet_store::waylines::{StoredWayline, keep, load};
use fleet_types::WallMs;
use serde_json::json;
use uuid::Uuid;

use crate::cluster::Cluster;

fn wayline(id: u128, bytes: usize) -> StoredWayline {
    StoredWayline {
        wayline_id: Uuid::from_u128(id),
        name: format!("북쪽 {id}\u{fffd}"),
        md5: "0".repeat(32),
        waypoint_count: 9,
        info: json!({"length_m": 1.5}),
        uploaded_by: "kim".into(),
        created_ms: WallMs(1_795_478_400_000 + i64::try_from(id).unwrap()),
        file: vec![u8::try_from(id).unwrap(); bytes].into(),
    }
}

#[tokio::test]
async fn files_come_back_newest_first_within_bounds() {
    let cluster = Cluster::start();
    let database = cluster.migrated().await;
    for id in 1..=4 {
        keep(&database, &wayline(id, 1000), &[]).await.unwrap();
    }
    // Sent again because the answer was lost.
    keep(&database, &wayline(4, 1000), &[]).await.unwrap();
    let ids = async |files, bytes| {
        let found = load(&database, files, bytes).await.unwrap();
        found.iter().map(|kept| kept.wayline_id.as_u128()).collect::<Vec<_>>()
    };
    assert_eq!(ids(10, 10_000).await, [4, 3, 2, 1]);
    assert_eq!(ids(2, 10_000).await, [4, 3]);
    assert_eq!(ids(10, 3_500).await, [4, 3, 2]);
    let kept = wayline(5, 3 << 20);
    keep(&database, &kept, &[Uuid::from_u128(1), Uuid::from_u128(2)]).await.unwrap();
    assert_eq!(ids(10, 10 << 20).await, [5, 4, 3]);
    assert_eq!(load(&database, 1, 10 << 20).await.unwrap(), [kept]);
}
