//! The addresses of brokers as one client is told them, the same in every API that tells them.

use std::net::SocketAddr;

use barnabas_metadata::{BrokerListener, BrokerRegistration, MetadataImage};

use crate::advertised::{Link, instead_of_advertised, is_loopback};
use crate::dispatch::RequestContext;

/// Host and port as they go into an answer.
pub(super) struct Address {
    pub host: String,
    pub port: i32,
}

/// What the client of one connection is told.
pub(super) struct Addresses<'a> {
    ctx: &'a RequestContext,
    /// The address of this very broker, if it is not the advertised one.
    own: Option<SocketAddr>,
}

impl<'a> Addresses<'a> {
    pub(super) fn new(ctx: &'a RequestContext, image: &MetadataImage) -> Self {
        let listener = image.broker(ctx.broker.node_id).and_then(|broker| broker.listener(&ctx.connection.listener));
        let own = listener.and_then(|listener| own_instead(ctx, listener));
        Self { ctx, own }
    }

    /// `None` if the broker has no listener of the client's; Kafka leaves such brokers out.
    pub(super) fn of(&self, broker: &BrokerRegistration) -> Option<Address> {
        let listener = broker.listener(&self.ctx.connection.listener)?;
        match self.own {
            Some(own) if broker.node_id == self.ctx.broker.node_id => {
                Some(Address { host: own.ip().to_string(), port: i32::from(own.port()) })
            }
            Some(_) => Some(as_registered(self.between_brokers(broker, listener).unwrap_or(listener))),
            None => Some(as_registered(listener)),
        }
    }

    /// Where the brokers reach this one: a client that cannot use the advertised address sits where they sit.
    fn between_brokers<'b>(
        &self,
        broker: &'b BrokerRegistration,
        advertised: &BrokerListener,
    ) -> Option<&'b BrokerListener> {
        let name = self.ctx.broker.configs.broker_config().inter_broker_listener_name();
        let usable = |inner: &&BrokerListener| {
            inner.security_protocol == advertised.security_protocol && !is_loopback(&inner.host)
        };
        broker.listener(name).filter(usable)
    }
}

fn own_instead(ctx: &RequestContext, listener: &BrokerListener) -> Option<SocketAddr> {
    let local = ctx.connection.local.filter(|_| ctx.broker.settings.address_per_connection)?;
    let around = ctx.broker.surroundings.read().clone();
    let link = Link { local, peer: ctx.connection.peer };
    instead_of_advertised(&around, link, &listener.host, listener.port, || ctx.connection.peer_runs_here(link))
}

fn as_registered(listener: &BrokerListener) -> Address {
    Address { host: listener.host.clone(), port: i32::from(listener.port) }
}
