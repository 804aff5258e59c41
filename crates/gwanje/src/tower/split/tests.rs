//! Frames of parts.

use fleet_types::DeviceSn;

use super::{Frames, says::Part};

#[test]
fn parts_go_together_up_to_a_size_and_in_order() {
    let mut frames = Frames::new();
    let sn = |number: usize| DeviceSn::new(&format!("DOCK{number:0>50}")).unwrap();
    for number in 0..2000 {
        assert!(frames.put(&Part::Gone(sn(number))));
    }
    let frames = frames.finish();
    assert!(frames.len() > 1 && frames.iter().all(|it| it.len() <= super::FRAME_BYTES + 2));
    let parts = frames.iter().flat_map(|it| serde_json::from_slice::<Vec<Part>>(it).unwrap());
    let told = parts.filter_map(|part| if let Part::Gone(sn) = part { Some(sn) } else { None });
    let told: Vec<_> = told.collect();
    assert_eq!(told, (0..2000).map(sn).collect::<Vec<_>>());
    assert!(Frames::new().finish().is_empty());
}

#[test]
fn what_is_too_large_does_not_cross_and_holds_nothing_up() {
    let mut frames = Frames::new();
    let data = serde_json::value::to_raw_value(&"x".repeat(super::PART_BYTES)).unwrap();
    let large = Part::Sample { topic: "T".to_owned(), data, to: None };
    assert!(!frames.put(&large));
    assert!(frames.put(&Part::Bye));
    assert_eq!(frames.finish(), [b"[\"Bye\"]".to_vec()]);
}
