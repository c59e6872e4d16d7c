//! SCRAM credentials of users: DescribeUserScramCredentials and AlterUserScramCredentials. Passwords are salted here and
//! never leave the machine.

use barnabas_common::Uuid;
use barnabas_protocol::messages::alter_user_scram_credentials_request::{
    ScramCredentialDeletion, ScramCredentialUpsertion,
};
use barnabas_protocol::messages::describe_user_scram_credentials_request::UserName;
use barnabas_protocol::messages::{AlterUserScramCredentialsRequest, DescribeUserScramCredentialsRequest};
use pbkdf2::pbkdf2_hmac;
use serde_json::json;
use sha2::{Sha256, Sha512};

use super::changes::Changes;
use super::entities::{CLIENTS, Entities, USERS};
use super::{Described, Trouble};
use crate::client::{Client, ClientError};

const DEFAULT_ITERATIONS: i32 = 4096;
const MIN_ITERATIONS: i32 = 4096;
const RESOURCE_NOT_FOUND: i16 = 91;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mechanism {
    Sha256 = 1,
    Sha512 = 2,
}

impl Mechanism {
    fn of_name(name: &str) -> Option<Self> {
        match name {
            "SCRAM-SHA-256" => Some(Self::Sha256),
            "SCRAM-SHA-512" => Some(Self::Sha512),
            _ => None,
        }
    }

    fn name_of(number: i8) -> &'static str {
        match number {
            1 => "SCRAM-SHA-256",
            2 => "SCRAM-SHA-512",
            _ => "UNKNOWN",
        }
    }

    /// `Hi` of RFC 5802.
    pub(super) fn salted(self, password: &[u8], salt: &[u8], iterations: i32) -> Vec<u8> {
        let rounds = u32::try_from(iterations).unwrap_or(1);
        match self {
            Self::Sha256 => {
                let mut out = vec![0; 32];
                pbkdf2_hmac::<Sha256>(password, salt, rounds, &mut out);
                out
            }
            Self::Sha512 => {
                let mut out = vec![0; 64];
                pbkdf2_hmac::<Sha512>(password, salt, rounds, &mut out);
                out
            }
        }
    }
}

/// Which mechanisms users have credentials for. A broker without the API has no credentials.
pub(super) fn describe(client: &mut Client, entities: &Entities) -> Result<Vec<Described>, Trouble> {
    let is_asked = entities.first_type() == USERS && !entities.has_type(CLIENTS);
    if !is_asked || entities.names.iter().any(String::is_empty) {
        return Ok(Vec::new());
    }
    let users = entities.names.iter().map(|name| UserName { name: name.clone() }).collect();
    let response = match client.any(&DescribeUserScramCredentialsRequest { users: Some(users) }) {
        Err(ClientError::Unsupported(_)) => return Ok(Vec::new()),
        other => other?,
    };
    ClientError::check(response.error_code, response.error_message)?;
    let known = response.results.into_iter().filter(|result| result.error_code != RESOURCE_NOT_FOUND);
    Ok(known
        .map(|result| {
            let user = &result.user;
            if let Err(error) = ClientError::check(result.error_code, result.error_message.clone()) {
                let text = format!("Error retrieving SCRAM credential configs for user-principal '{user}': {error}");
                let json =
                    json!({ "user": user, "error": { "code": error.code_name(), "message": error.to_string() } });
                return Described { lines: vec![text], json };
            }
            let name = |number| Mechanism::name_of(number);
            let infos = result.credential_infos.iter();
            let texts: Vec<String> =
                infos.map(|info| format!("{}=iterations={}", name(info.mechanism), info.iterations)).collect();
            let credentials: serde_json::Map<String, serde_json::Value> = result
                .credential_infos
                .iter()
                .map(|info| (name(info.mechanism).to_owned(), json!({ "iterations": info.iterations })))
                .collect();
            let line = format!("SCRAM credential configs for user-principal '{user}' are {}", texts.join(", "));
            Described { lines: vec![line], json: json!({ "user": user, "credentials": credentials }) }
        })
        .collect())
}

/// Sets and removes credentials of one user.
pub(super) fn alter(client: &mut Client, user: &str, changes: &Changes) -> Result<(), Trouble> {
    let deletion = |name: &String| {
        let mechanism = Mechanism::of_name(name)?;
        Some(ScramCredentialDeletion { name: user.to_owned(), mechanism: mechanism as i8 })
    };
    let deletions = changes.deleted.iter().filter_map(deletion).collect();
    let mut upsertions = Vec::new();
    for (name, text) in &changes.added {
        let Some(mechanism) = Mechanism::of_name(name) else { continue };
        let (iterations, password) = credential(name, text)?;
        let salt = [*Uuid::random().as_bytes(), *Uuid::random().as_bytes()].concat();
        let salted_password = mechanism.salted(password.as_bytes(), &salt, iterations).into();
        let mechanism = mechanism as i8;
        let (name, salt) = (user.to_owned(), salt.into());
        upsertions.push(ScramCredentialUpsertion { name, mechanism, iterations, salt, salted_password });
    }
    let response = client.any(&AlterUserScramCredentialsRequest { deletions, upsertions })?;
    for one in response.results {
        ClientError::check(one.error_code, one.error_message)?;
    }
    Ok(())
}

/// `iterations=8192,password=secret`; without iterations, or with -1, the default.
pub(super) fn credential<'a>(mechanism: &str, text: &'a str) -> Result<(i32, &'a str), Trouble> {
    let wrong = || Trouble::argument(format!("Invalid credential property {}={text}", mechanism.replace('-', "_")));
    let (iterations, rest) = match text.strip_prefix("iterations=").and_then(|rest| rest.split_once(',')) {
        Some((number, rest)) => (Some(number), rest),
        None => (None, text),
    };
    let password = rest.strip_prefix("password=").ok_or_else(wrong)?;
    let iterations = match iterations {
        None | Some("-1") => DEFAULT_ITERATIONS,
        Some(number) => number.parse().map_err(|_| wrong())?,
    };
    if iterations < MIN_ITERATIONS {
        return Err(Trouble::argument(format!(
            "Iterations {iterations} is less than the minimum {MIN_ITERATIONS} required for {mechanism}"
        )));
    }
    Ok((iterations, password))
}
