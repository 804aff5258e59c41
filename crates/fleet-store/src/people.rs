//! Accounts, sessions, refresh tokens and roles of people.
//!
//! Passwords are hashed by the database's process (bcrypt, cost 12): callers bound how many at a
//! time. Refresh tokens are kept as digests. Every change that decides who may what makes
//! [`revision`] grow, whoever makes it. It refuses to say why a password was not right.

use std::{collections::BTreeSet, time::Duration};

use fleet_types::{
    DeviceSn, Secret,
    people::{
        Account, AccountChange, AccountSession, DEFAULT_SITE, Directory, Email, Ending, Membership,
        Refreshed, SessionOrigin, SiteRole, Standing, TokenHash,
    },
};
use serde_json::Value;
use tokio_postgres::{Row, error::SqlState, types::Type};
use uuid::Uuid;

use crate::{database::Database, error::StoreError, json, session::Session, sql::At, tokens};

/// A used refresh token that comes again this soon is a client whose answer was lost.
const LOST_ANSWER: Duration = Duration::from_secs(10);
/// A session that nobody went on with for so long is over.
const IDLE_SESSION: Duration = Duration::from_hours(7 * 24);
/// Ended sessions are shown to nobody, and forgotten after this.
const ENDED_KEPT: Duration = Duration::from_hours(30 * 24);
/// The longest life of an access token, with room: so long is an ended session remembered by name.
const TOKENS_OUT: Duration = Duration::from_hours(24);
/// Accounts in one list.
const LIST_MAX: i64 = 10_000;

/// Of `gwanje.accounts a`.
const COLUMNS: &str = "a.account_id, a.email, a.user_metadata, a.created_at, a.updated_at, \
                       a.last_sign_in_at, a.disabled_at";

/// Whether an account could be made.
#[derive(Clone, Debug, PartialEq)]
pub enum Created {
    /// It was.
    Made(Box<Account>),
    /// There is one of this name.
    Taken,
}

/// The account, if the password is its own; it takes as long where there is no account.
///
/// # Errors
/// That the database could not be asked.
pub async fn account_by_password(
    database: &Database,
    email: &Email,
    password: &Secret,
) -> Result<Option<Account>, StoreError> {
    let (email, password) = (email.as_str(), password.expose());
    let sql = format!(
        "select {COLUMNS},
           extensions.crypt($2, coalesce(password_hash, extensions.gen_salt('bf', 12)))
             = password_hash as is_right
         from (select 1) one left join gwanje.accounts a on a.email = $1"
    );
    let params = [(&email as _, Type::TEXT), (&password as _, Type::TEXT)];
    let session = database.session().await?;
    let rows = session.query(&sql, &params).await?;
    session.release();
    let right = rows.first().filter(|row| row.get::<_, Option<bool>>(7) == Some(true));
    right.map(account).transpose()
}

/// Opens a session of the account with its first refresh token; none when it is disabled.
///
/// # Errors
/// That the database could not be asked.
pub async fn open_session(
    database: &Database,
    account_id: Uuid,
    token: &TokenHash,
    origin: &SessionOrigin,
) -> Result<Option<Uuid>, StoreError> {
    let (address, agent) = (json::text(&origin.address), json::text(&origin.user_agent));
    let (token, kept_s) = (&token[..], seconds(ENDED_KEPT));
    let sql = "
        with who as (
          update gwanje.accounts set last_sign_in_at = now()
          where account_id = $1 and disabled_at is null returning account_id
        ), gone as (
          delete from gwanje.account_sessions where account_id = $1
            and coalesce(ended_at, refreshed_at) < now() - $5 * interval '1 second'
        ), opened as (
          insert into gwanje.account_sessions (account_id, address, user_agent)
          select account_id, $3, $4 from who returning session_id
        ), token as (
          insert into gwanje.account_tokens (token_hash, session_id)
          select $2, session_id from opened
        )
        select session_id from opened";
    let params = [
        (&account_id as _, Type::UUID),
        (&token as _, Type::BYTEA),
        (&address as _, Type::TEXT),
        (&agent as _, Type::TEXT),
        (&kept_s as _, Type::INT8),
    ];
    let session = database.session().await?;
    let rows = session.query(sql, &params).await?;
    session.release();
    Ok(rows.first().map(|row| row.get(0)))
}

/// Uses a refresh token up and puts the next one in force. One that was used before ends its
/// session, unless the answer to its use may have been lost: then the token that was answered is used
/// up instead.
///
/// # Errors
/// That the database could not be asked, or does not say whether it did it.
pub async fn refresh(
    database: &Database,
    token: &TokenHash,
    next: &TokenHash,
) -> Result<Refreshed, StoreError> {
    let session = database.session().await?;
    session.batch("begin").await?;
    let done = refresh_within(&session, token, next).await?;
    session.batch("commit").await?;
    session.release();
    Ok(done)
}

async fn refresh_within(
    session: &Session,
    token: &TokenHash,
    next: &TokenHash,
) -> Result<Refreshed, StoreError> {
    let (token, next) = (&token[..], &next[..]);
    let sql = format!(
        "select {COLUMNS}, s.session_id, s.ended_at is not null or a.disabled_at is not null,
           s.refreshed_at < now() - $2 * interval '1 second', t.used_at is not null,
           coalesce(t.used_at > now() - $3 * interval '1 second', false)
         from gwanje.account_tokens t join gwanje.account_sessions s using (session_id)
         join gwanje.accounts a using (account_id)
         where t.token_hash = $1 for update of s, t"
    );
    let params = [
        (&token as _, Type::BYTEA),
        (&seconds(IDLE_SESSION) as _, Type::INT8),
        (&seconds(LOST_ANSWER) as _, Type::INT8),
    ];
    let rows = session.query(&sql, &params).await?;
    let Some(row) = rows.first() else { return Ok(Refreshed::Unknown) };
    let session_id: Uuid = row.get(7);
    let [is_over, is_idle, is_used, is_lost] = [8, 9, 10, 11].map(|column| row.get(column));
    if is_over {
        return Ok(Refreshed::Over);
    }
    if is_idle {
        end_within(session, session_id, "idle").await?;
        return Ok(Refreshed::Over);
    }
    if is_used && !(is_lost && child_is_unused(session, token).await?) {
        end_within(session, session_id, "a refresh token was used twice").await?;
        return Ok(Refreshed::Reused { session_id });
    }
    let steps: [(&str, &[crate::session::Param<'_>]); 3] = [
        // What was answered and perhaps lost is good no more: long used, to whoever brings it.
        (
            "update gwanje.account_tokens set used_at = 'epoch'
             where parent_hash = $1 and used_at is null",
            &[(&token, Type::BYTEA)],
        ),
        (
            "update gwanje.account_tokens set used_at = coalesce(used_at, now())
             where token_hash = $1",
            &[(&token, Type::BYTEA)],
        ),
        (
            "with next as (
               insert into gwanje.account_tokens (token_hash, session_id, parent_hash)
               values ($2, $3, $1)
             )
             update gwanje.account_sessions set refreshed_at = now() where session_id = $3",
            &[(&token, Type::BYTEA), (&next, Type::BYTEA), (&session_id, Type::UUID)],
        ),
    ];
    for (sql, params) in steps {
        session.execute(sql, params).await?;
    }
    Ok(Refreshed::Next { account: Box::new(account(row)?), session_id })
}

/// Whether the token that this one led to was used by nobody yet.
async fn child_is_unused(session: &Session, token: &[u8]) -> Result<bool, StoreError> {
    let sql = "select exists (select from gwanje.account_tokens
                              where parent_hash = $1 and used_at is null)";
    let rows = session.query(sql, &[(&token, Type::BYTEA)]).await?;
    Ok(rows.first().is_some_and(|row| row.get(0)))
}

async fn end_within(session: &Session, session_id: Uuid, why: &str) -> Result<(), StoreError> {
    let sql = "update gwanje.account_sessions set ended_at = now(), ended_why = $2
               where session_id = $1 and ended_at is null";
    session.execute(sql, &[(&session_id, Type::UUID), (&why, Type::TEXT)]).await?;
    Ok(())
}

/// Ends sessions of an account; says how many were open.
///
/// # Errors
/// That the database could not be asked.
pub async fn end_sessions(
    database: &Database,
    account_id: Uuid,
    ending: Ending,
    why: &str,
) -> Result<u64, StoreError> {
    let session = database.session().await?;
    let ended = end_sessions_within(&session, account_id, ending, why).await?;
    session.release();
    Ok(ended)
}

async fn end_sessions_within(
    session: &Session,
    account_id: Uuid,
    ending: Ending,
    why: &str,
) -> Result<u64, StoreError> {
    let (condition, named) = match ending {
        Ending::All => ("true or session_id = $3", Uuid::nil()),
        Ending::One(id) => ("session_id = $3", id),
        Ending::Others(id) => ("session_id <> $3", id),
    };
    let sql = format!(
        "update gwanje.account_sessions set ended_at = now(), ended_why = $2
         where account_id = $1 and ended_at is null and ({condition})"
    );
    let params =
        [(&account_id as _, Type::UUID), (&why as _, Type::TEXT), (&named as _, Type::UUID)];
    session.execute(&sql, &params).await
}

/// Sessions of an account that go on, the latest first.
///
/// # Errors
/// That the database could not be asked.
pub async fn sessions(
    database: &Database,
    account_id: Uuid,
) -> Result<Vec<AccountSession>, StoreError> {
    let sql = "
        select session_id, created_at, refreshed_at, address, user_agent
        from gwanje.account_sessions
        where account_id = $1 and ended_at is null
          and refreshed_at > now() - $2 * interval '1 second'
        order by refreshed_at desc limit 1000";
    let session = database.session().await?;
    let params = [(&account_id as _, Type::UUID), (&seconds(IDLE_SESSION) as _, Type::INT8)];
    let rows = session.query(sql, &params).await?;
    session.release();
    let found = rows.iter().map(|row| {
        let (At(created_ms), At(refreshed_ms)) = (row.get(1), row.get(2));
        let (address, user_agent) = (row.get(3), row.get(4));
        AccountSession { session_id: row.get(0), created_ms, refreshed_ms, address, user_agent }
    });
    Ok(found.collect())
}

/// One account.
///
/// # Errors
/// That the database could not be asked.
pub async fn get(database: &Database, account_id: Uuid) -> Result<Option<Account>, StoreError> {
    let session = database.session().await?;
    let sql = format!("select {COLUMNS} from gwanje.accounts a where account_id = $1");
    let rows = session.query(&sql, &[(&account_id, Type::UUID)]).await?;
    session.release();
    rows.first().map(account).transpose()
}

/// Every account, by name; 10,000 at the most.
///
/// # Errors
/// That the database could not be asked.
pub async fn list(database: &Database) -> Result<Vec<Account>, StoreError> {
    let session = database.session().await?;
    let sql = format!("select {COLUMNS} from gwanje.accounts a order by email limit $1");
    let rows = session.query(&sql, &[(&LIST_MAX, Type::INT8)]).await?;
    session.release();
    rows.iter().map(account).collect()
}

/// Makes an account. Its rights are given apart.
///
/// # Errors
/// That the database could not be asked.
pub async fn create(
    database: &Database,
    email: &Email,
    password: Option<&Secret>,
    user_metadata: &Value,
) -> Result<Created, StoreError> {
    let (email, password) = (email.as_str(), password.map(Secret::expose));
    let said = json::value(user_metadata);
    let sql = format!(
        "insert into gwanje.accounts as a (email, password_hash, user_metadata)
         values ($1, extensions.crypt($2, extensions.gen_salt('bf', 12)), $3)
         on conflict (email) do nothing returning {COLUMNS}"
    );
    let params =
        [(&email as _, Type::TEXT), (&password as _, Type::TEXT), (&said as _, Type::JSONB)];
    let session = database.session().await?;
    let rows = session.query(&sql, &params).await?;
    session.release();
    match rows.first() {
        Some(row) => Ok(Created::Made(Box::new(account(row)?))),
        None => Ok(Created::Taken),
    }
}

/// Why an account was not changed.
#[derive(Debug, thiserror::Error)]
pub enum NotChanged {
    /// There is no such account.
    #[error("there is no such account")]
    Unknown,
    /// Another account has the name.
    #[error("another account has this e-mail address")]
    Taken,
    /// The database could not be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Changes an account. A new password and disabling end its sessions, but for `keeps`.
///
/// # Errors
/// [`NotChanged`]; then nothing is changed.
pub async fn change(
    database: &Database,
    account_id: Uuid,
    change: &AccountChange,
    keeps: Option<Uuid>,
) -> Result<Account, NotChanged> {
    let AccountChange { email, password, user_metadata, is_disabled } = change;
    let email = email.as_ref().map(Email::as_str);
    let password = password.as_ref().map(Secret::expose);
    let said = user_metadata.as_ref().map(json::value);
    let sql = format!(
        "update gwanje.accounts a set
           email = coalesce($2, email),
           password_hash = coalesce(extensions.crypt($3, extensions.gen_salt('bf', 12)),
                                    password_hash),
           user_metadata = user_metadata || coalesce($4, '{{}}'),
           disabled_at = case when $5 then coalesce(disabled_at, now())
                              when not $5 then null else disabled_at end,
           updated_at = now()
         where account_id = $1 returning {COLUMNS}"
    );
    let params = [
        (&account_id as _, Type::UUID),
        (&email as _, Type::TEXT),
        (&password as _, Type::TEXT),
        (&said as _, Type::JSONB),
        (is_disabled as _, Type::BOOL),
    ];
    let session = database.session().await?;
    session.batch("begin").await?;
    let rows = match session.query(&sql, &params).await {
        Err(StoreError::Refused { code, .. }) if code == SqlState::UNIQUE_VIOLATION.code() => {
            return Err(NotChanged::Taken);
        }
        rows => rows?,
    };
    let Some(row) = rows.first() else { return Err(NotChanged::Unknown) };
    let account = account(row)?;
    let ending = keeps.map_or(Ending::All, Ending::Others);
    if *is_disabled == Some(true) {
        end_sessions_within(&session, account_id, Ending::All, "disabled").await?;
    } else if password.is_some() {
        end_sessions_within(&session, account_id, ending, "a new password").await?;
    }
    session.batch("commit").await?;
    session.release();
    Ok(account)
}

/// Gives a person these roles in the place of those they had.
///
/// # Errors
/// That the database could not be asked, or knows no such site: then nothing is changed.
pub async fn set_memberships(
    database: &Database,
    user_id: Uuid,
    memberships: &BTreeSet<Membership>,
    granted_by: &str,
) -> Result<(), StoreError> {
    let roles: Vec<_> = memberships.iter().map(|given| given.role.name()).collect();
    let sites: Vec<_> = memberships.iter().map(|given| given.site_id).collect();
    let by = json::text(granted_by);
    let insert = "
        insert into memberships (user_id, site_id, role, granted_by)
        select $1, site_id, role, $4 from unnest($2, $3) given (role, site_id)
        on conflict do nothing";
    // What stays is not touched: who gave it, and when, stays known.
    let delete = "
        delete from memberships m where user_id = $1 and not exists (
          select from unnest($2, $3) given (role, site_id)
          where given.role = m.role and given.site_id is not distinct from m.site_id)";
    let params = [
        (&user_id as _, Type::UUID),
        (&roles as _, Type::TEXT_ARRAY),
        (&sites as _, Type::UUID_ARRAY),
        (&by as _, Type::TEXT),
    ];
    let session = database.session().await?;
    session.batch("begin").await?;
    session.execute(delete, &params[..3]).await?;
    session.execute(insert, &params).await?;
    session.batch("commit").await?;
    session.release();
    Ok(())
}

/// A number that grows with every change of [`directory`].
///
/// # Errors
/// That the database could not be asked.
pub async fn revision(database: &Database) -> Result<i64, StoreError> {
    let session = database.session().await?;
    let rows = session.query("select revision from gwanje.people_revision", &[]).await?;
    session.release();
    Ok(rows.first().map_or(0, |row| row.get(0)))
}

/// Who may what, all of it, as of one moment.
///
/// # Errors
/// That the database could not be asked, or holds what this program cannot read.
pub async fn directory(database: &Database) -> Result<Directory, StoreError> {
    let session = database.session().await?;
    session.batch("begin isolation level repeatable read read only").await?;
    let found = directory_within(&session).await?;
    session.batch("commit").await?;
    session.release();
    Ok(found)
}

async fn directory_within(session: &Session) -> Result<Directory, StoreError> {
    let mut found = Directory::default();
    for row in session.query("select revision from gwanje.people_revision", &[]).await? {
        found.revision = row.get(0);
    }
    let sql = "select account_id, email, disabled_at is not null from gwanje.accounts";
    for row in session.query(sql, &[]).await? {
        let standing = Standing {
            email: Some(email(&row, 1)?),
            is_disabled: row.get(2),
            ..Standing::default()
        };
        found.people.insert(row.get(0), standing);
    }
    for row in session.query("select user_id, role, site_id from memberships", &[]).await? {
        let name: &str = row.get(1);
        let Some(role) = SiteRole::of_name(name) else {
            let (what, detail) = ("a membership".to_owned(), format!("the role {name}"));
            return Err(StoreError::Unreadable { what, detail });
        };
        let standing = found.people.entry(row.get(0)).or_default();
        standing.memberships.insert(Membership { role, site_id: row.get(2) });
    }
    let sql = "select session_id from gwanje.account_sessions
               where ended_at > now() - $1 * interval '1 second'";
    let rows = session.query(sql, &[(&seconds(TOKENS_OUT), Type::INT8)]).await?;
    found.ended_sessions = rows.iter().map(|row| row.get(0)).collect();
    let tokens = tokens::good(session).await?;
    found.tokens = tokens.into_iter().map(|token| (token.hash, token)).collect();
    for row in session.query("select site_id, name from sites", &[]).await? {
        found.sites.insert(row.get(0), row.get(1));
    }
    let sql = "select sn, site_id from devices where site_id <> $1";
    for row in session.query(sql, &[(&DEFAULT_SITE, Type::UUID)]).await? {
        if let Ok(sn) = DeviceSn::new(row.get::<_, &str>(0)) {
            found.devices.insert(sn, row.get(1));
        }
    }
    Ok(found)
}

fn seconds(span: Duration) -> i64 {
    i64::try_from(span.as_secs()).unwrap_or(i64::MAX)
}

fn email(row: &Row, column: usize) -> Result<Email, StoreError> {
    Email::new(row.get(column)).map_err(|error| StoreError::Unreadable {
        what: "the name of an account".to_owned(),
        detail: error.to_string(),
    })
}

/// The first seven columns, which are [`COLUMNS`].
fn account(row: &Row) -> Result<Account, StoreError> {
    let (At(created_ms), At(updated_ms)) = (row.get(3), row.get(4));
    let ms = |column| row.get::<_, Option<At>>(column).map(|At(ms)| ms);
    Ok(Account {
        account_id: row.get(0),
        email: email(row, 1)?,
        user_metadata: row.get(2),
        created_ms,
        updated_ms,
        last_sign_in_ms: ms(5),
        disabled_ms: ms(6),
    })
}
