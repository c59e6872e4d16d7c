//! What this broker registers of itself: at start, and again when its advertised addresses change while it runs.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use barnabas_common::{ErrorCode, Uuid};
use barnabas_config::{AdvertisedListener, BrokerConfig};
use barnabas_metadata::{
    ApiError, BrokerListener, BrokerRegistration, BrokerRegistrationCommand, CommandResult, ConfigResource,
    DEFAULT_BROKER_CONFIGS, DEFAULT_FEATURES, FeatureRange, MetadataCommand, MetadataImage,
};
use barnabas_quorum::{Quorum, QuorumError};
use tracing::{info, warn};

use crate::broker::{Broker, wrong_answer};
use crate::configs::Configs;
use crate::error::StartError;
use crate::features;
use crate::log_dirs::OpenedDirs;
use crate::network::BoundListener;

/// The one key of addresses that can change while a broker runs.
pub(crate) const ADVERTISED_LISTENERS: &str = "advertised.listeners";

/// A listener that accepts connections.
#[derive(Clone, Debug)]
pub struct ListeningOn {
    pub name: String,
    pub address: SocketAddr,
    pub advertised_host: String,
    pub advertised_port: u16,
}

/// How this start of the broker is known to the cluster.
pub(crate) struct Registered {
    pub epoch: i64,
    pub listeners: Vec<ListeningOn>,
}

/// Every bound listener with what clients are told of it.
pub(crate) fn listening_on(config: &BrokerConfig, image: &MetadataImage, bound: &[BoundListener]) -> Vec<ListeningOn> {
    let told = advertised_now(config, image);
    bound.iter().map(|bound| tell(&told, &bound.name, bound.address)).collect()
}

/// What the configuration alone says of a listener that is bound to this address.
pub fn advertised_at_start(config: &BrokerConfig, name: &str, address: SocketAddr) -> ListeningOn {
    tell(config.advertised_listeners(), name, address)
}

/// As `IncrementalAlterConfigs` set it, else as the file says.
fn advertised_now(config: &BrokerConfig, image: &MetadataImage) -> Vec<AdvertisedListener> {
    let fixed = || config.advertised_listeners().to_vec();
    let Some(text) = image.config_value(&ConfigResource::Broker(config.node_id()), ADVERTISED_LISTENERS) else {
        return fixed();
    };
    config.advertised_as(text).unwrap_or_else(|problem| {
        warn!("the dynamic {ADVERTISED_LISTENERS} is not used: {problem}; change or delete it with kafka-configs");
        fixed()
    })
}

fn tell(told: &[AdvertisedListener], name: &str, address: SocketAddr) -> ListeningOn {
    let hostname = || {
        let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
        if name.is_empty() { "localhost".to_owned() } else { name }
    };
    let told = told.iter().find(|told| told.name == name);
    let port = told.map_or(0, |told| told.port);
    ListeningOn {
        name: name.to_owned(),
        address,
        advertised_host: told.and_then(|told| told.host.clone()).unwrap_or_else(hostname),
        advertised_port: if port == 0 { address.port() } else { port },
    }
}

/// Gives a new cluster its first metadata and registers this start of the broker.
pub(crate) async fn register(
    quorum: &Quorum,
    configs: &Configs,
    opened: &OpenedDirs,
    listeners: Vec<ListeningOn>,
) -> Result<Registered, StartError> {
    let refused = StartError::Registration;
    let metadata_dir = configs.broker_config().metadata_log_dir();
    let failed = |error: &QuorumError| StartError::of_quorum(&metadata_dir, error, refused);
    let bootstrap = MetadataCommand::Bootstrap {
        cluster_id: opened.cluster_id.clone(),
        features: DEFAULT_FEATURES.iter().map(|(name, level)| ((*name).to_owned(), *level)).collect(),
        broker_defaults: DEFAULT_BROKER_CONFIGS.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
    };
    if quorum.image().cluster_id.is_empty() {
        quorum.propose(bootstrap).await.map_err(|error| failed(&error))?;
    }
    let config = configs.broker_config();
    let registration = BrokerRegistrationCommand {
        cluster_id: opened.cluster_id.clone(),
        node_id: config.node_id(),
        incarnation_id: Uuid::random(),
        directory_ids: opened.in_use().map(|dir| dir.directory_id).collect(),
        listeners: listeners.iter().map(registered).collect(),
        rack: config.text("broker.rack").map(str::to_owned),
        supported_features: supported_features(),
        previous_broker_epoch: opened.dirs.iter().map(|dir| dir.previous_broker_epoch).min().unwrap_or(-1),
        fenced: false,
    };
    match quorum.propose(MetadataCommand::RegisterBroker(registration)).await {
        Ok(CommandResult::RegisterBroker(Ok(epoch))) => Ok(Registered { epoch, listeners }),
        Ok(CommandResult::RegisterBroker(Err(error))) => Err(refused(error.to_string())),
        Ok(other) => Err(refused(format!("unexpected answer {other:?}"))),
        Err(error) => Err(failed(&error)),
    }
}

fn registered(listener: &ListeningOn) -> BrokerListener {
    BrokerListener {
        name: listener.name.clone(),
        host: listener.advertised_host.clone(),
        port: listener.advertised_port,
        security_protocol: barnabas_metadata::SecurityProtocol::Plaintext,
    }
}

fn supported_features() -> BTreeMap<String, FeatureRange> {
    features::SUPPORTED.iter().map(|f| (f.name.to_owned(), FeatureRange { min: f.min, max: f.max })).collect()
}

impl Broker {
    /// Whether this broker could advertise what a client wants it to.
    pub(crate) fn check_advertised(&self, text: &str) -> Result<(), ApiError> {
        let checked = self.configs.broker_config().advertised_as(text);
        checked.map(drop).map_err(|problem| ApiError::new(ErrorCode::InvalidRequest, problem))
    }

    /// Hosts in what clients are told of this broker.
    pub(crate) fn advertised_hosts(&self) -> Vec<String> {
        let image = self.image();
        let own = image.broker(self.node_id);
        own.iter().flat_map(|broker| &broker.listeners).map(|listener| listener.host.clone()).collect()
    }

    /// Has the registration follow the configuration. Returns when clients are told the new addresses.
    pub(crate) async fn advertise_anew(&self) -> Result<(), ApiError> {
        let image = self.image();
        let Some(own) = image.broker(self.node_id) else { return Ok(()) };
        let told = advertised_now(self.configs.broker_config(), &image);
        let listeners: Vec<BrokerListener> =
            self.bound.iter().map(|(name, address)| registered(&tell(&told, name, *address))).collect();
        if listeners == own.listeners {
            return Ok(());
        }
        let command = MetadataCommand::RegisterBroker(with_listeners(own, image.cluster_id.to_string(), listeners));
        match self.propose(command).await? {
            CommandResult::RegisterBroker(result) => result?,
            _ => return Err(wrong_answer()),
        };
        info!("clients are told the new {ADVERTISED_LISTENERS} from now on");
        self.advertised_changed.notify_one();
        Ok(())
    }
}

/// The same incarnation with other addresses.
fn with_listeners(
    own: &BrokerRegistration,
    cluster_id: String,
    listeners: Vec<BrokerListener>,
) -> BrokerRegistrationCommand {
    BrokerRegistrationCommand {
        cluster_id,
        node_id: own.node_id,
        incarnation_id: own.incarnation_id,
        directory_ids: own.directory_ids.clone(),
        listeners,
        rack: own.rack.clone(),
        supported_features: own.supported_features.clone(),
        previous_broker_epoch: own.epoch,
        fenced: own.fenced,
    }
}
