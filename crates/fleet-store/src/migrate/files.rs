//! The migrations inside the program.

/// One file of `supabase/migrations`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migration {
    /// The digits before the first underscore.
    pub version: &'static str,
    /// What follows, without `.sql`.
    pub name: &'static str,
    /// The text.
    pub sql: &'static str,
}

macro_rules! migrations {
    ($($version:literal $name:literal)+) => {
        /// All of them, oldest first.
        pub const MIGRATIONS: &[Migration] = &[$(Migration {
            version: $version,
            name: $name,
            sql: include_str!(concat!(
                "../../../../supabase/migrations/", $version, "_", $name, ".sql"
            )),
        }),+];
    };
}

migrations! {
    "20261124000100" "fleet"
    "20261124000200" "journal"
    "20261124000300" "history"
    "20261124190000" "restarts"
    "20261130190000" "people"
    "20261130200000" "rights"
    "20261130220000" "audit"
    "20261130230000" "tokens"
    "20261201020000" "media"
    "20261201030000" "schedules"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_in_the_program_in_order() {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../../supabase/migrations");
        let mut files: Vec<_> = std::fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let known: Vec<_> =
            MIGRATIONS.iter().map(|m| format!("{}_{}.sql", m.version, m.name)).collect();
        assert_eq!(known, files);
    }
}
