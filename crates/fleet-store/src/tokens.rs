//! Tokens of programs, and sites: which there are, and which device is at which.
//!
//! A token is kept as its digest. Every change makes [`crate::people::revision`] grow, so that every
//! tower knows of it within a second; the time of the last use does not, and is written for many at once.

use std::collections::BTreeSet;

use fleet_types::{
    DeviceSn, WallMs,
    people::{MachineToken, NewMachineToken, TokenHash},
    rights::Permission,
};
use serde_json::Value;
use tokio_postgres::{Row, error::SqlState, types::Type};
use uuid::Uuid;

use crate::{database::Database, error::StoreError, json, session::Session, sql::At};

const COLUMNS: &str = "token_id, name, prefix, token_hash, account_id, made_by, permissions, \
                       site_ids, created_at, expires_at, last_used_at, revoked_at";
/// Tokens in one list.
const LIST_MAX: i64 = 10_000;

/// Makes a token; none where one of this name works already.
///
/// # Errors
/// That the database could not be asked.
pub async fn create(
    database: &Database,
    new: &NewMachineToken,
) -> Result<Option<MachineToken>, StoreError> {
    let permissions: Vec<_> = new.permissions.iter().map(name).collect();
    let sites = new.site_ids.as_ref().map(|sites| sites.iter().copied().collect::<Vec<_>>());
    let (made_by, title) = (json::text(&new.made_by), json::text(&new.name));
    let (hash, expires) = (&new.hash[..], At(new.expires_ms));
    // A name is free again when the token that had it has ended by itself.
    let sql = format!(
        "with over as (
           update gwanje.api_tokens set revoked_at = expires_at, revoked_by = 'its end'
           where name = $1 and revoked_at is null and expires_at < now() returning token_id
         )
         insert into gwanje.api_tokens
           (name, prefix, token_hash, account_id, made_by, permissions, site_ids, expires_at)
         select $1, $2, $3, $4, $5, $6, $7, $8 from (select count(*) from over) done
         returning {COLUMNS}"
    );
    let params = [
        (&title as _, Type::TEXT),
        (&new.prefix as _, Type::TEXT),
        (&hash as _, Type::BYTEA),
        (&new.account_id as _, Type::UUID),
        (&made_by as _, Type::TEXT),
        (&permissions as _, Type::TEXT_ARRAY),
        (&sites as _, Type::UUID_ARRAY),
        (&expires as _, Type::TIMESTAMPTZ),
    ];
    let session = database.session().await?;
    let rows = match session.query(&sql, &params).await {
        Err(StoreError::Refused { code, .. }) if code == SqlState::UNIQUE_VIOLATION.code() => {
            session.release();
            return Ok(None);
        }
        rows => rows?,
    };
    session.release();
    rows.first().map(token).transpose()
}

/// Every token, those that work first, then the latest.
///
/// # Errors
/// That the database could not be asked.
pub async fn list(database: &Database) -> Result<Vec<MachineToken>, StoreError> {
    let session = database.session().await?;
    let sql = format!(
        "select {COLUMNS} from gwanje.api_tokens
         order by revoked_at is not null, created_at desc limit $1"
    );
    let rows = session.query(&sql, &[(&LIST_MAX, Type::INT8)]).await?;
    session.release();
    rows.iter().map(token).collect()
}

/// Those that work.
pub(crate) async fn good(session: &Session) -> Result<Vec<MachineToken>, StoreError> {
    let sql = format!(
        "select {COLUMNS} from gwanje.api_tokens where revoked_at is null and expires_at > now()"
    );
    session.query(&sql, &[]).await?.iter().map(token).collect()
}

/// Revokes a token; false where it was over already, or is none.
///
/// # Errors
/// That the database could not be asked.
pub async fn revoke(database: &Database, token_id: Uuid, by: &str) -> Result<bool, StoreError> {
    let sql = "update gwanje.api_tokens set revoked_at = now(), revoked_by = $2
               where token_id = $1 and revoked_at is null";
    let by = json::text(by);
    let session = database.session().await?;
    let params = [(&token_id as _, Type::UUID), (&by as _, Type::TEXT)];
    let count = session.execute(sql, &params).await?;
    session.release();
    Ok(count > 0)
}

/// Notes when tokens were used last.
///
/// # Errors
/// That the database could not be asked.
pub async fn used(database: &Database, uses: &[(Uuid, WallMs)]) -> Result<(), StoreError> {
    let ids: Vec<_> = uses.iter().map(|(id, _)| *id).collect();
    let times: Vec<_> = uses.iter().map(|(_, at)| At(*at)).collect();
    let sql = "update gwanje.api_tokens t set last_used_at = greatest(t.last_used_at, u.at)
               from unnest($1::uuid[], $2::timestamptz[]) u (token_id, at)
               where t.token_id = u.token_id";
    let session = database.session().await?;
    let params = [(&ids as _, Type::UUID_ARRAY), (&times as _, Type::TIMESTAMPTZ_ARRAY)];
    session.execute(sql, &params).await?;
    session.release();
    Ok(())
}

/// Makes a site of the default organisation.
///
/// # Errors
/// That the database could not be asked.
pub async fn create_site(database: &Database, name: &str) -> Result<Uuid, StoreError> {
    let sql = "insert into sites (site_id, organisation_id, name)
               values (gen_random_uuid(), '00000000-0000-4000-8000-000000000001', $1)
               returning site_id";
    let name = json::text(name);
    let session = database.session().await?;
    let rows = session.query(sql, &[(&name, Type::TEXT)]).await?;
    session.release();
    rows.first().map(|row| row.get(0)).ok_or_else(|| StoreError::Unreadable {
        what: "a site that was made".to_owned(),
        detail: "there is none".to_owned(),
    })
}

/// Gives a site another name; false where there is none.
///
/// # Errors
/// That the database could not be asked.
pub async fn rename_site(database: &Database, id: Uuid, name: &str) -> Result<bool, StoreError> {
    let sql = "update sites set name = $2 where site_id = $1";
    let name = json::text(name);
    let session = database.session().await?;
    let params = [(&id as _, Type::UUID), (&name as _, Type::TEXT)];
    let count = session.execute(sql, &params).await?;
    session.release();
    Ok(count > 0)
}

/// Puts a dock with its aircraft at a site; how many devices that were. None where the dock is not
/// known to the database, or the site is none.
///
/// # Errors
/// That the database could not be asked.
pub async fn move_dock(
    database: &Database,
    sn: &DeviceSn,
    aircraft: &[DeviceSn],
    site_id: Uuid,
) -> Result<Option<u64>, StoreError> {
    let sql = "
        update devices set site_id = $3
        where exists (select from devices d where d.sn = $1)
          and exists (select from sites s where s.site_id = $3)
          and (sn = $1 or gateway_sn = $1 or sn = any($2))";
    let (sn, aircraft) = (sn.as_str(), aircraft.iter().map(DeviceSn::as_str).collect::<Vec<_>>());
    let params =
        [(&sn as _, Type::TEXT), (&aircraft as _, Type::TEXT_ARRAY), (&site_id as _, Type::UUID)];
    let session = database.session().await?;
    let count = session.execute(sql, &params).await?;
    session.release();
    Ok((count > 0).then_some(count))
}

fn name(permission: &Permission) -> String {
    json::value(permission).as_str().unwrap_or_default().to_owned()
}

fn token(row: &Row) -> Result<MachineToken, StoreError> {
    let unreadable = |detail: &str| StoreError::Unreadable {
        what: "a token".to_owned(),
        detail: detail.to_owned(),
    };
    let hash: TokenHash = row.get::<_, &[u8]>(3).try_into().map_err(|_| unreadable("its hash"))?;
    let names: Vec<String> = row.get(6);
    // A right that a later version gave is passed over: it is one less.
    let permissions: BTreeSet<Permission> = names
        .into_iter()
        .filter_map(|name| serde_json::from_value(Value::String(name)).ok())
        .collect();
    let sites: Option<Vec<Uuid>> = row.get(7);
    let (At(created_ms), At(expires_ms)) = (row.get(8), row.get(9));
    let ms = |column| row.get::<_, Option<At>>(column).map(|At(ms)| ms);
    Ok(MachineToken {
        token_id: row.get(0),
        name: row.get(1),
        prefix: row.get(2),
        hash,
        account_id: row.get(4),
        made_by: row.get(5),
        permissions,
        site_ids: sites.map(|sites| sites.into_iter().collect()),
        created_ms,
        expires_ms,
        last_used_ms: ms(10),
        revoked_ms: ms(11),
    })
}
