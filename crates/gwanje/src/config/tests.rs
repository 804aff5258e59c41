//! A table of configuration mistakes, each with the line it must be reported at.

use super::*;

fn loaded(text: &str, env: &[(&str, &str)]) -> Loaded {
    let dir = tempdir();
    let file = dir.join("gwanje.toml");
    fs::write(&file, text).unwrap();
    fs::write(dir.join("key"), "s3cret-from-file\n").unwrap();
    let env = env.iter().map(|(k, v)| ((*k).to_owned(), v.replace("DIR", &dir.to_string_lossy())));
    let sources =
        Sources { file: Some(file), env: env.collect(), root: true, ..Sources::default() };
    let loaded = load(&sources);
    fs::remove_dir_all(dir).unwrap();
    loaded
}

fn tempdir() -> PathBuf {
    let name = format!("gwanje-config-{}", crate::secret::random(8).unwrap().expose());
    let dir = std::env::temp_dir().join(name);
    fs::create_dir(&dir).unwrap();
    dir
}

/// Each expected mistake is `line: part of the text`, in any order, and there are no others.
fn check(text: &str, expect: &[(usize, &str)]) {
    let mistakes = loaded(text, &[]).mistakes;
    let shown: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
    assert_eq!(mistakes.len(), expect.len(), "{text}\n{shown:#?}");
    for (line, part) in expect {
        let found = mistakes.iter().any(|mistake| {
            let at = matches!(&mistake.origin, Origin::Line(_, n) if n == line);
            at && mistake.to_string().contains(part)
        });
        assert!(found, "line {line}: {part}\n{shown:#?}");
    }
}

#[test]
fn mistakes_are_all_named_by_line() {
    check("", &[]);
    check("[api]\nlisten = \"127.0.0.1:9000\"\n", &[]);
    check("[api]\nlisten = \"nowhere\"\n", &[(2, "must be IP:PORT")]);
    check("[api]\nlisten = 8080\n", &[(2, "must be a text in quotes, not an integer")]);
    check("[api]\nlisten = \"0.0.0.0:8080\"\n", &[(2, "[api.tls]")]);
    check("[api]\nlistn = \"127.0.0.1:1\"\n", &[(2, "did you mean api.listen?")]);
    check("[appi]\nlisten = \"x\"\n", &[(1, "is not a key")]);
    check("api = 1\n", &[(1, "write [api]")]);
    check("\n[mqtt]\nkeep_alive_s = 2\n", &[(3, "must be from 5 to 300, is 2")]);
    check("[mqtt]\nkeep_alive_s = true\n", &[(2, "not true or false")]);
    check("[mqtt]\nmode = \"internal\"\n", &[(2, "\"embedded\" or \"external\"")]);
    check("[mqtt]\nmode = \"external\"\n", &[(2, "mqtt.brokers must name")]);
    check("[mqtt]\nmode = \"external\"\nbrokers = [\"b\"]\n", &[(3, "HOST:PORT")]);
    check("[mqtt]\nusername = \"u\"\n", &[(2, "embedded broker's logins")]);
    let plain = "[mqtt]\nlisten = \"0.0.0.0:1883\"\n";
    check(plain, &[(2, "mqtt.plain_lan = true")]);
    check(&format!("{plain}plain_lan = true\n"), &[]);
    check("[mqtt.tls]\nlisten = \"0.0.0.0:8883\"\n", &[]);
    check("[mqtt.tls]\nlisten = \"0.0.0.0:1883\"\n", &[(2, "port of its own")]);
    check("[mqtt.tls]\nca = \"/dev/null\"\n", &[(2, "mqtt.mode = \"external\"")]);
    let external = "[mqtt]\nmode = \"external\"\nbrokers = [\"b:8883\"]\n[mqtt.tls]\n";
    check(&format!("{external}ca = \"/dev/null\"\n"), &[(5, "mqtt.tls.enabled = true")]);
    check(&format!("{external}enabled = true\ncert = \"/dev/null\"\n"), &[(6, "mqtt.tls.key is")]);
    check(&format!("{external}listen = \"0.0.0.0:8883\"\n"), &[(5, "\"embedded\"")]);
    check("[mqtt]\nbrokers = [1]\n", &[(2, "list of texts")]);
    check("[api.tls]\ncert = \"/nonexistent\"\n", &[(2, "cannot be read"), (2, "api.tls.key is")]);
    check("[dji]\napp_id = \"1\"\n", &[(2, "dji.app_key is"), (2, "dji.app_license is")]);
    check("[dds]\ndomain_id = 233\n", &[(2, "must be from 0 to 232")]);
    check("[dds]\ninterface = \"eth0\"\n", &[(2, "must be an IPv4 address")]);
    check("[dds]\ndiscovery = \"peers\"\n", &[(2, "dds.peers must name")]);
    check("[dds]\npeers = [\"10.0.0.7\"]\n", &[(2, "is for dds.discovery")]);
    check(
        "[dds]\ndiscovery = \"peers\"\npeers = [\"10.0.0.7:x\"]\n",
        &[(2, "must name"), (3, "IP:PORT")],
    );
    check("[dds]\ndiscovery = \"peers\"\npeers = [\"10.0.0.7\", \"10.0.0.8:7410\"]\n", &[]);
    check("[log]\nlevel = \"loud\"\n", &[(2, "log.level must be")]);
    check("[log]\nlevel = \"info,x=loud\"\n", &[(2, "log.level must be")]);
    check("[site]\nname = \"\"\ntime_zone = \"../etc\"\n", &[(2, "1 to 120"), (3, "IANA")]);
    check(
        "data_dir = 5\n[limits]\nmax_docks = 0\n[nope]\nx = 1\n",
        &[(1, "data_dir"), (3, "max_docks"), (4, "nope")],
    );
}

#[test]
fn mistakes_come_in_the_order_of_their_lines_and_a_missing_file_has_none() {
    let text = "data_dir = 5\n[site]\nname = \"\"\n[api]\nlisten = \"0.0.0.0:1\"\nlistn = 1\n\
                [mqtt]\nkeep_alive_s = 1\npassword = \"p\"\n[dji]\napp_key = \"k\"\n\
                [log]\nlevel = \"loud\"\n[nope]\nx = 1\n";
    let line = |mistake: &Mistake| match &mistake.origin {
        Origin::Line(_, line) => Some(*line),
        Origin::File(_) | Origin::Variable(_) | Origin::Flag(_) | Origin::Default => None,
    };
    let lines: Vec<_> = loaded(text, &[]).mistakes.iter().map(line).collect();
    let expect = [1, 3, 5, 6, 8, 9, 11, 11, 13, 14];
    assert_eq!(lines, expect.map(Some));
    let sources = Sources { file: Some("/nonexistent".into()), ..Sources::default() };
    let mistakes = load(&sources).mistakes;
    assert!(mistakes[0].to_string().starts_with("/nonexistent: cannot be read"), "{mistakes:?}");
}

#[test]
fn a_broken_file_still_reports_the_rest() {
    let mistakes = loaded("[api]\nlisten = \n[mqtt]\nkeep_alive_s = 1\n", &[]).mistakes;
    let shown: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
    assert!(shown.iter().any(|m| m.contains(":2: is not TOML")), "{shown:#?}");
    assert!(shown.iter().any(|m| m.contains(":4: mqtt.keep_alive_s")), "{shown:#?}");
}

#[test]
fn rank_is_flag_then_variable_then_file() {
    let text = "[site]\nname = \"file\"\ntime_zone = \"UTC\"\n";
    let by_env = loaded(text, &[("GWANJE_SITE_NAME", "env"), ("GWANJE_MQTT_KEEP_ALIVE_S", "60")]);
    assert_eq!(by_env.config.site.name, "env");
    assert_eq!(by_env.config.site.time_zone, "UTC");
    assert_eq!(by_env.config.mqtt.keep_alive_s, 60);
    let flags = vec![("site.name", "flag".to_owned())];
    let env = [("GWANJE_SITE_NAME".to_owned(), "env".to_owned())].into();
    let by_flag = load(&Sources { flags, env, ..Sources::default() });
    assert_eq!(by_flag.config.site.name, "flag");
    let wrong = loaded("", &[("GWANJE_MQTT_KEEP_ALIVE_S", "soon"), ("GWANJE_APO", "1")]);
    assert_eq!(wrong.mistakes.len(), 1);
    assert!(wrong.mistakes[0].to_string().starts_with("$GWANJE_MQTT_KEEP_ALIVE_S: "));
    assert!(wrong.warnings[0].to_string().contains("$GWANJE_APO"));
}

#[test]
fn secrets_are_masked_and_may_come_from_files() {
    let text = "[dji]\napp_id = \"1\"\napp_license = \"lic-12345\"\n";
    let all = loaded(text, &[("GWANJE_DJI_APP_KEY_FILE", "DIR/key")]);
    assert_eq!(all.mistakes, []);
    assert_eq!(all.config.dji.app_key.expose(), "s3cret-from-file");
    let shown = format!("{} {:?}", all.effective(), all.config);
    assert!(!shown.contains("lic-12345") && !shown.contains("s3cret"), "{shown}");
    assert!(shown.contains("app_license = \"***\""));
    let both = [("GWANJE_DJI_APP_KEY_FILE", "DIR/key"), ("GWANJE_DJI_APP_KEY", "k")];
    assert!(loaded(text, &both).mistakes[0].what.contains("both set"));
    let missing = loaded(text, &[("GWANJE_DJI_APP_KEY_FILE", "DIR/nothing")]).mistakes;
    assert!(missing.iter().any(|mistake| mistake.what.contains("cannot be read")));
}

#[test]
fn basemaps_are_checked_line_by_line_and_keep_their_key() {
    let map = "[[basemap]]\nid = \"a\"\nname = \"A\"\nkind = \"raster\"\n";
    let tiles = "url = \"https://t.example/{z}/{x}/{y}?k={key}\"\nkey = \"s3cret\"\n";
    check(&format!("{map}{tiles}"), &[]);
    check(&format!("{map}{tiles}\n{map}{tiles}"), &[(8, "\"a\" is used twice")]);
    check(map, &[(1, "needs url")]);
    check(&format!("{map}url = \"ftp://t/{{z}}{{x}}{{y}}\"\n"), &[(1, "https://")]);
    check(&format!("{map}{tiles}max_zoom = 25\n"), &[(7, "from 0 to 24")]);
    check(&format!("{map}{tiles}bounds = [1, 2, 3]\n"), &[(7, "[west, south, east, north]")]);
    check(&format!("{map}{tiles}bounds = [1, 2.5, 3, 4]\n"), &[]);
    check(&format!("{map}{tiles}colour = 1\n"), &[(7, "not a key of a basemap")]);
    check(
        &format!("{map}{tiles}key_file = \"/nonexistent\"\n"),
        &[(7, "/nonexistent"), (1, "keep one")],
    );
    check(
        "[[basemap]]\nkind = \"globe\"\n",
        &[(1, "basemap.id is"), (1, "basemap.name is"), (2, "\"pmtiles\" or")],
    );
    check("basemap = 1\n", &[(1, "write [[basemap]]")]);
    check("[basemap]\nid = \"a\"\n", &[(1, "write [[basemap]]")]);
    let file = "[[basemap]]\nid = \"a\"\nname = \"A\"\nkind = \"pmtiles\"\n";
    check(&format!("{file}file = \"/dev/null\"\n"), &[(1, "not a PMTiles archive")]);
    let all = loaded(&format!("{map}{tiles}"), &[]);
    let shown = format!("{:?}{}", all.config, all.effective());
    assert!(!shown.contains("s3cret"), "{shown}");
    let wrong =
        loaded(&format!("{map}url = \"https://t/{{z}}{{x}}{{y}}\"\nkey = \"s3cret\"\n"), &[]);
    assert!(!format!("{:?}", wrong.mistakes).contains("s3cret"), "{:?}", wrong.mistakes);
}

#[test]
fn a_site_may_ask_more_of_a_flight_and_never_less() {
    let stricter =
        "[preflight]\nbattery_min_percent = 60\nwind_warn_dmps = 50\nwind_max_dmps = 70\n";
    let found = loaded(stricter, &[]);
    assert_eq!(found.mistakes, []);
    let limits = found.config.preflight;
    assert_eq!((limits.battery_min_percent, limits.wind_max_dmps), (60, 70));
    for looser in ["battery_min_percent = 20", "wind_max_dmps = 150", "rain_max = 3"] {
        assert_eq!(loaded(&format!("[preflight]\n{looser}\n"), &[]).mistakes.len(), 1, "{looser}");
    }
    let silent = loaded("[preflight]\nwind_max_dmps = 60\n", &[]);
    assert_eq!(silent.mistakes.len(), 1, "the warning of 80 would never be told");
}

#[test]
fn the_example_names_every_key_and_is_right() {
    let example = include_str!("../../../../gwanje.example.toml");
    assert_eq!(loaded(example, &[]).mistakes, []);
    let active: String = example
        .lines()
        .map(|line| line.strip_prefix("#= ").unwrap_or(line))
        .map(|line| format!("{line}\n"))
        .collect();
    let all = loaded(&active, &[]);
    let unknown: Vec<_> =
        all.mistakes.iter().filter(|mistake| mistake.what.contains("is not a key")).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    for field in FIELDS {
        let named = all.origins.contains_key(field.key)
            || all.mistakes.iter().any(|mistake| mistake.key == field.key);
        assert!(named, "gwanje.example.toml does not show {}", field.key);
    }
}
