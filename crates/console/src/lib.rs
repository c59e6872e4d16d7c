//! HTTP for operators: metrics, health, readiness. What is measured and what ready means is asked of a [`Source`].

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;

/// The content type of the text exposition format that Prometheus scrapes.
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What the pages show.
pub trait Source: Send + Sync + 'static {
    /// All metrics in Prometheus's text format.
    fn metrics(&self) -> String;
    /// Why clients cannot be served; `None` when they can: produce works and groups can form.
    fn not_ready(&self) -> Option<String>;
    /// What is wrong although clients can be served.
    fn remark(&self) -> Option<String> {
        None
    }
}

/// Serves until the listener fails.
pub async fn serve(listener: TcpListener, source: Arc<dyn Source>) -> io::Result<()> {
    axum::serve(listener, router(source)).await
}

fn router(source: Arc<dyn Source>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(alive))
        .route("/livez", get(alive))
        .route("/readyz", get(ready))
        .route("/v1/status/ready", get(ready))
        .with_state(source)
}

async fn metrics(State(source): State<Arc<dyn Source>>) -> Response {
    // Walking many partitions may take a while: not on the threads that serve clients.
    match tokio::task::spawn_blocking(move || source.metrics()).await {
        Ok(text) => ([(header::CONTENT_TYPE, EXPOSITION)], text).into_response(),
        Err(error) => {
            (StatusCode::INTERNAL_SERVER_ERROR, format!("cannot render the metrics: {error}\n")).into_response()
        }
    }
}

async fn alive() -> &'static str {
    "ok\n"
}

async fn ready(State(source): State<Arc<dyn Source>>) -> Response {
    match source.not_ready() {
        None => source.remark().map_or("ready\n".into(), |remark| format!("ready, but {remark}\n")).into_response(),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {reason}\n")).into_response(),
    }
}
