//! Times on PostgreSQL's wire.

use bytes::BytesMut;
use fleet_types::WallMs;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

type Boxed = Box<dyn std::error::Error + Sync + Send>;

/// 2000-01-01T00:00:00Z in Unix milliseconds: where PostgreSQL counts from.
const POSTGRES_EPOCH_MS: i64 = 946_684_800_000;

/// A `timestamptz`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct At(pub(crate) WallMs);

impl At {
    /// Microseconds since PostgreSQL's epoch, as on the wire.
    pub(crate) fn micros(self) -> i64 {
        self.0.0.saturating_sub(POSTGRES_EPOCH_MS).saturating_mul(1000)
    }
}

impl ToSql for At {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Boxed> {
        out.extend_from_slice(&self.micros().to_be_bytes());
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::TIMESTAMPTZ
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for At {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Boxed> {
        let micros = i64::from_be_bytes(raw.try_into()?);
        Ok(Self(WallMs(micros.div_euclid(1000).saturating_add(POSTGRES_EPOCH_MS))))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::TIMESTAMPTZ
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_go_there_and_back() {
        for ms in [0, 946_684_800_000, 1_790_000_000_123, -1] {
            let mut raw = BytesMut::new();
            At(WallMs(ms)).to_sql(&Type::TIMESTAMPTZ, &mut raw).unwrap();
            assert_eq!(At::from_sql(&Type::TIMESTAMPTZ, &raw).unwrap(), At(WallMs(ms)));
        }
    }
}
