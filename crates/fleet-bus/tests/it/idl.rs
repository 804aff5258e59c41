//! `docs/idl/gwanje.idl` is what is on the wire.

use std::path::Path;

#[test]
fn the_idl_in_the_docs_is_that_of_the_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/idl/gwanje.idl");
    let text = fleet_bus::wire::idl();
    if std::env::var_os("UPDATE_IDL").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "docs/idl/gwanje.idl is not that of the types: run with UPDATE_IDL=1");
    for part in [
        "module gwanje { module msg { module dds_ {",
        "    @key string sn;",
        "    double position_covariance[9];",
        "    std_msgs::msg::dds_::Header_ header;",
        "    sequence<string> children;",
        "    sequence<float> cell_voltage;",
        "// Topic rt/gwanje/device_telemetry (best effort, keep last 1)",
    ] {
        assert!(text.contains(part), "{part}");
    }
}
