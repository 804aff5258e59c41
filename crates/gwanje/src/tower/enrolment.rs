//! Enrolling docks: an account at the broker, a name, a machine. Read next:
//! [`super::aircraft_rights`], for what a dock may say for its aircraft.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use fleet_api::{EnrolError, EnrolRequest, Enrolled, Enrolment, MqttAccess, PilotField};
use fleet_links::{
    Secret,
    dynsec::{DynsecClient, SessionLogins},
    new_password,
};
use fleet_types::DeviceSn;
use futures_util::future::BoxFuture;

use super::{
    aircraft_rights::AircraftRights,
    emqx::accounts::Accounts,
    fleet::{Fleet, NotAdded},
    roster::{NAME_MAX, Roster},
    system::System,
};

/// What a dock is told to connect to, and what Pilot 2 asks for besides.
#[derive(Clone, Debug)]
pub struct DockAddress {
    /// Host name or address as the dock reaches it.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Whether that port speaks TLS.
    pub tls: bool,
    /// Organisation id to type into Pilot 2.
    pub organization_id: String,
    /// Binding code to type into Pilot 2, when one is set.
    pub binding_code: Option<Secret>,
    /// Whether DJI's licence is configured, without which a real dock does not come up.
    pub has_licence: bool,
}

impl DockAddress {
    /// Whether only this machine, or nobody at all, can connect to it.
    fn is_local(&self) -> bool {
        let ip = self.host.parse::<IpAddr>();
        self.host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback() || ip.is_unspecified())
    }

    /// What stands in a real dock's way on our side.
    fn obstacles(&self) -> Vec<String> {
        let mut found = vec![];
        if self.is_local() {
            found.push(
                "A real dock cannot reach this address: set mqtt.tls.listen and mqtt.public_host to \
                 one of the site's network first."
                    .to_owned(),
            );
        }
        if !self.has_licence {
            found.push(
                "A real dock does not come up without DJI's licence: set dji.app_id, dji.app_key \
                 and dji.app_license first."
                    .to_owned(),
            );
        }
        found
    }
}

/// Where docks' accounts are.
pub enum Logins {
    /// At the private broker.
    Mosquitto(DynsecClient),
    /// Here: the broker asks.
    Asked(Arc<Accounts>),
}

impl Logins {
    async fn create(&self, sn: &DeviceSn, password: &Secret) -> Result<(), String> {
        match self {
            Self::Mosquitto(dynsec) => {
                dynsec.create_dock(sn, password).await.map_err(|error| error.to_string())
            }
            Self::Asked(accounts) => {
                accounts.set(sn, password).map_err(|error| format!("{error:#}"))
            }
        }
    }

    async fn delete(&self, sn: &DeviceSn) -> Result<(), String> {
        match self {
            Self::Mosquitto(dynsec) => {
                dynsec.delete_dock(sn).await.map_err(|error| error.to_string())
            }
            Self::Asked(accounts) => accounts.remove(sn).map_err(|error| format!("{error:#}")),
        }
    }
}

/// Makes and removes docks' accounts.
pub struct BrokerEnrolment {
    /// None where accounts cannot be made (an external broker that does not ask): then it only says
    /// what the broker's owner has to do.
    pub logins: Option<Logins>,
    /// Logins that end with the dock.
    pub sessions: Option<SessionLogins>,
    /// Rights that end with the dock.
    pub rights: Option<Arc<AircraftRights>>,
    /// The docks' machines.
    pub fleet: Arc<Fleet>,
    /// What is shown of docks.
    pub system: Arc<System>,
    /// Their names.
    pub roster: Arc<Roster>,
    /// What a dock is told.
    pub address: DockAddress,
    /// Most docks.
    pub docks_max: usize,
}

impl BrokerEnrolment {
    fn logins(&self) -> Result<&Logins, EnrolError> {
        self.logins.as_ref().ok_or_else(|| EnrolError::BrokerExternal {
            what_to_do: "create a user named like the dock's serial number there, let it publish its own topics and its aircraft's, and type it into DJI Pilot 2".to_owned(),
        })
    }

    async fn make(&self, request: EnrolRequest) -> Result<Enrolled, EnrolError> {
        let logins = self.logins()?;
        let EnrolRequest { sn, name, issued_by } = request;
        if self.fleet.has(&sn) {
            return Err(EnrolError::AlreadyEnrolled);
        }
        if self.fleet.docks().len() >= self.docks_max {
            return Err(EnrolError::TooMany { max: self.docks_max });
        }
        let unavailable = |what_to_do: String| EnrolError::Unavailable { what_to_do };
        if let Some(rights) = &self.rights {
            rights.are_docks(std::slice::from_ref(&sn));
        }
        let password = new_password()
            .ok_or_else(|| unavailable("the system gives no random numbers".to_owned()))?;
        logins
            .create(&sn, &password)
            .await
            .map_err(|error| unavailable(format!("{error}; nothing was enrolled, try again")))?;
        let name: String = name.chars().filter(|c| !c.is_control()).take(NAME_MAX).collect();
        if let Err(error) = self.roster.set(&sn, &name) {
            tracing::warn!(device.sn = %sn, %error, "the dock's name is not kept over a restart");
        }
        match self.fleet.add(&sn) {
            Ok(()) | Err(NotAdded::Known) => {}
            Err(NotAdded::Full) => return Err(EnrolError::TooMany { max: self.docks_max }),
        }
        tracing::info!(device.sn = %sn, issued_by, "dock enrolled");
        Ok(self.instructions(sn, name, &password))
    }

    fn instructions(&self, sn: DeviceSn, name: String, password: &Secret) -> Enrolled {
        let DockAddress { host, port, tls, organization_id, binding_code, .. } = &self.address;
        let scheme = if *tls { "ssl" } else { "tcp" };
        let field = |field: &str, value: String| PilotField { field: field.to_owned(), value };
        let mut pilot2 = vec![
            field("Cloud service", "Other platforms → MQTT".to_owned()),
            field("MQTT gateway address", format!("{scheme}://{host}:{port}")),
            field("MQTT account", sn.to_string()),
            field("MQTT password", password.expose().to_owned()),
            field("Organization ID", organization_id.clone()),
        ];
        if let Some(code) = binding_code {
            pilot2.push(field("Device binding code", code.expose().to_owned()));
        }
        let mqtt = MqttAccess {
            host: host.clone(),
            port: *port,
            tls: *tls,
            username: sn.to_string(),
            password: password.expose().to_owned(),
        };
        let mut next = self.address.obstacles();
        next.extend([
            "On site, connect the remote controller to the dock and open DJI Pilot 2.".to_owned(),
            "Choose to connect the dock to a third-party cloud and type the values in.".to_owned(),
            "The dock's page in the console shows each step of bring-up, and what is missing."
                .to_owned(),
            "The password is shown only now; remove and enrol the dock again to get a new one."
                .to_owned(),
        ]);
        Enrolled { sn, name, mqtt, pilot2, next }
    }

    async fn unmake(&self, sn: DeviceSn, issued_by: String) -> Result<(), EnrolError> {
        let logins = self.logins()?;
        if !self.fleet.has(&sn) {
            return Err(EnrolError::NotEnrolled);
        }
        let unavailable =
            |error: String| EnrolError::Unavailable { what_to_do: format!("{error}; try again") };
        if let Some(sessions) = &self.sessions {
            sessions.close(&sn);
        }
        logins.delete(&sn).await.map_err(unavailable)?;
        if let Some(rights) = &self.rights {
            rights.forget(&sn);
        }
        self.fleet.remove(&sn).await;
        self.system.forget(&sn);
        if let Err(error) = self.roster.set(&sn, "") {
            tracing::warn!(device.sn = %sn, %error, "the dock's name is still on file");
        }
        tracing::info!(device.sn = %sn, issued_by, "dock removed");
        Ok(())
    }
}

impl Enrolment for BrokerEnrolment {
    fn enrol(&self, request: EnrolRequest) -> BoxFuture<'_, Result<Enrolled, EnrolError>> {
        Box::pin(self.make(request))
    }

    fn remove(&self, sn: DeviceSn, issued_by: String) -> BoxFuture<'_, Result<(), EnrolError>> {
        Box::pin(self.unmake(sn, issued_by))
    }
}

/// The address a dock is told, from the configured public host or the address listened on.
#[must_use]
pub fn public_address(public_host: Option<&str>, listen: SocketAddr) -> (String, u16) {
    match public_host {
        Some(host) => (host.to_owned(), listen.port()),
        None => (listen.ip().to_string(), listen.port()),
    }
}
