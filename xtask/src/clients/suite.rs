//! The suites: where each one is, what it needs, how it is started.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::{repo, toolbox};

/// A program of tests/clients that checks a broker with one client library.
pub(crate) struct Suite {
    /// Also the name of its folder.
    pub name: &'static str,
    kind: Kind,
}

enum Kind {
    Python,
    Node,
    Java,
    /// Go, with the name of the program that it builds.
    Go(&'static str),
    Kcat,
}

/// The slowest first, so that two at a time end together.
pub(super) const SUITES: &[Suite] = &[
    Suite { name: "java", kind: Kind::Java },
    Suite { name: "kafkajs", kind: Kind::Node },
    Suite { name: "platformatic", kind: Kind::Node },
    Suite { name: "kafka_python", kind: Kind::Python },
    Suite { name: "kafka_python_2_0", kind: Kind::Python },
    Suite { name: "confluent", kind: Kind::Python },
    Suite { name: "aiokafka", kind: Kind::Python },
    Suite { name: "franzgo", kind: Kind::Go("franzgo-acceptance") },
    Suite { name: "sarama", kind: Kind::Go("sarama-acceptance") },
    Suite { name: "kcat", kind: Kind::Kcat },
];

impl Suite {
    fn dir(&self) -> PathBuf {
        repo::root().join("tests/clients").join(self.name)
    }

    fn venv(&self) -> PathBuf {
        repo::root().join("tests/clients/.venvs").join(self.name)
    }

    pub(super) fn install(&self) -> Result<()> {
        match self.kind {
            Kind::Python => toolbox::python(&self.venv(), &[self.dir().join("requirements.txt")]).map(drop),
            Kind::Node => toolbox::npm(&self.dir()),
            Kind::Java => toolbox::maven(&self.dir()),
            Kind::Go(_) => toolbox::go(&self.dir()),
            Kind::Kcat => toolbox::kcat(),
        }
    }

    /// The program; names of checks may follow as arguments.
    pub(super) fn command(&self) -> Command {
        let mut command = match self.kind {
            Kind::Python => with_argument(Command::new(self.venv().join("bin/python")), "run.py"),
            Kind::Node => with_argument(Command::new("node"), "run.mjs"),
            Kind::Java => {
                let mut java = Command::new("java");
                java.args(["-cp", "target/*:target/dependency/*", "acceptance.Main"]);
                java
            }
            Kind::Go(program) => Command::new(self.dir().join(program)),
            Kind::Kcat => with_argument(Command::new("bash"), "run.sh"),
        };
        command.current_dir(self.dir());
        command
    }
}

fn with_argument(mut command: Command, argument: &str) -> Command {
    command.arg(argument);
    command
}
