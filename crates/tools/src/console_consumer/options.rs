//! The command line of `kafka-console-consumer`, judged in the order and words of Kafka's tool.

use clap::Args;
use regex::Regex;

use super::formatter::Formatter;
use crate::cli::{self, OutputFormat, bootstrap_of_zookeeper};
use crate::client::Settings;
use crate::client::consumer::{Start, Subscription};
use crate::properties::{Properties, client_settings, merged};
use crate::{Context, Failure};

#[derive(Args, Clone, Debug, Default)]
pub(super) struct Options {
    /// The topic to read.
    #[arg(long, value_name = "topic")]
    topic: Option<String>,
    /// A regular expression of topics to read.
    #[arg(long, value_name = "Java regex (String)", alias = "whitelist")]
    include: Option<String>,
    /// The one partition to read, from its end unless --offset says otherwise.
    #[arg(long, value_name = "Integer: partition", allow_hyphen_values = true)]
    partition: Option<i32>,
    /// Where to begin in the partition: an offset, earliest or latest.
    #[arg(long, value_name = "consume offset", allow_hyphen_values = true)]
    offset: Option<String>,
    /// (DEPRECATED) The old name of --command-property.
    #[arg(long, value_name = "consumer_prop")]
    consumer_property: Vec<String>,
    /// Settings of the consumer, as key=value.
    #[arg(long, value_name = "consumer_prop")]
    command_property: Vec<String>,
    /// (DEPRECATED) The old name of --command-config.
    #[arg(long = "consumer.config", value_name = "config file")]
    consumer_config: Option<String>,
    /// A properties file with settings of the consumer.
    #[arg(long, value_name = "config file")]
    command_config: Option<String>,
    /// How records are shown: Kafka's Default, Logging or NoOp message formatter.
    #[arg(long, value_name = "class")]
    formatter: Option<String>,
    /// (DEPRECATED) The old name of --formatter-property.
    #[arg(long, value_name = "prop")]
    property: Vec<String>,
    /// What is shown, as key=value: print.timestamp, print.key, print.offset, print.epoch, print.partition, print.headers,
    /// print.value, print.delivery, key.separator, line.separator, headers.separator, null.literal, key.deserializer,
    /// value.deserializer, headers.deserializer.
    #[arg(long, value_name = "prop")]
    formatter_property: Vec<String>,
    /// A properties file for the formatter.
    #[arg(long, value_name = "config file")]
    formatter_config: Option<String>,
    /// Begin with the oldest record where nothing is committed.
    #[arg(long)]
    from_beginning: bool,
    /// End after so many records.
    #[arg(long, value_name = "Integer: num_messages", allow_hyphen_values = true)]
    max_messages: Option<i32>,
    /// End when no record came for so many milliseconds.
    #[arg(long, value_name = "Long: timeout_ms", allow_hyphen_values = true)]
    timeout_ms: Option<i64>,
    /// Pass over records that cannot be shown.
    #[arg(long)]
    pub(super) skip_message_on_error: bool,
    /// REQUIRED: The brokers to connect to first: host:port, separated by commas.
    #[arg(long, value_name = "server to connect to")]
    bootstrap_server: Option<String>,
    /// Gone with Kafka 4: the brokers registered there are asked instead.
    #[arg(long, value_name = "urls", hide = true)]
    zookeeper: Option<String>,
    /// The old name of --bootstrap-server.
    #[arg(long, value_name = "broker-list", hide = true)]
    broker_list: Option<String>,
    /// Has no effect: there is no old consumer any more.
    #[arg(long, hide = true)]
    new_consumer: bool,
    /// Kafka's name of the deserializer for keys.
    #[arg(long, value_name = "deserializer for keys")]
    key_deserializer: Option<String>,
    /// Kafka's name of the deserializer for values.
    #[arg(long, value_name = "deserializer for values")]
    value_deserializer: Option<String>,
    /// Say when the tool has ended.
    #[arg(long)]
    pub(super) enable_systest_events: bool,
    /// read_uncommitted (default), or read_committed to leave out records of open and aborted transactions.
    #[arg(long, value_name = "String")]
    isolation_level: Option<String>,
    /// The group to join.
    #[arg(long, value_name = "consumer group id")]
    group: Option<String>,
    /// text, or json for one JSON object per record and exit codes that tell the truth.
    #[arg(long, value_enum, default_value = "text")]
    output: OutputFormat,
}

/// What the options amount to.
pub(super) struct Plan {
    pub(super) settings: Settings,
    pub(super) subscription: Subscription,
    pub(super) formatter: Formatter,
    /// `None`: no limit.
    pub(super) max_messages: Option<u64>,
    pub(super) timeout_ms: Option<u64>,
    pub(super) skip_message_on_error: bool,
    pub(super) enable_systest_events: bool,
}

impl Options {
    pub(super) fn plan(mut self, context: &mut Context<'_>) -> Result<Plan, Failure> {
        let bootstrap = self.check()?;
        self.rename(context)?;
        let file = merged(self.command_config.as_deref(), &[])?;
        let given = merged(None, &self.command_property)?;
        let group = self.group_id(&file, &given)?;
        let mut all = file;
        all.extend(given);
        self.set_offset_reset(&mut all)?;
        all.entry("client.id".into()).or_insert_with(|| "console-consumer".into());
        if let Some(level) = self.isolation_level.clone() {
            all.insert("isolation.level".into(), level);
        }
        if let Some(group) = group {
            all.insert("group.id".into(), group);
        }
        let subscription = self.subscription()?;
        let formatter = self.build_formatter(context)?;
        Ok(Plan {
            settings: client_settings(&bootstrap, &all)?,
            subscription,
            formatter,
            // Anything below -1 ends the loop of Kafka's tool before the first record.
            max_messages: self.max_messages.filter(|max| *max != -1).map(|max| u64::try_from(max).unwrap_or(0)),
            timeout_ms: self.timeout_ms.and_then(|timeout| u64::try_from(timeout).ok()),
            skip_message_on_error: self.skip_message_on_error,
            enable_systest_events: self.enable_systest_events,
        })
    }

    fn check(&self) -> Result<String, Failure> {
        let usage = |text: &str| Failure::Usage(text.to_owned());
        if self.topic.is_some() == self.include.is_some() {
            return Err(usage("Exactly one of the following arguments is required: [topic], [include]"));
        }
        if self.partition.is_some() {
            if self.topic.is_none() {
                return Err(usage("The topic is required when partition is specified."));
            }
            if self.from_beginning && self.offset.is_some() {
                return Err(usage("Options from-beginning and offset cannot be specified together."));
            }
        } else if self.offset.is_some() {
            return Err(usage("The partition is required when offset is specified."));
        }
        let given = self.bootstrap_server.clone().or_else(|| self.broker_list.clone());
        let given = given.or_else(|| self.zookeeper.as_deref().map(bootstrap_of_zookeeper));
        given.ok_or_else(|| cli::missing("bootstrap-server"))
    }

    fn rename(&mut self, context: &mut Context<'_>) -> Result<(), Failure> {
        let renamed = [
            (
                "consumer-property",
                "command-property",
                !self.consumer_property.is_empty(),
                !self.command_property.is_empty(),
            ),
            ("consumer.config", "command-config", self.consumer_config.is_some(), self.command_config.is_some()),
        ];
        for (old, new, has_old, has_new) in renamed {
            check_renamed(old, new, has_old && has_new)?;
        }
        for (old, new, ..) in renamed.iter().filter(|(_, _, has_old, _)| *has_old) {
            deprecated(context, old, new)?;
        }
        self.command_property.append(&mut self.consumer_property);
        self.command_config = self.command_config.take().or_else(|| self.consumer_config.take());
        Ok(())
    }

    /// The group may be named in three places, but only one.
    fn group_id(&self, file: &Properties, given: &Properties) -> Result<Option<String>, Failure> {
        let places = [self.group.as_ref(), file.get("group.id"), given.get("group.id")];
        let mut ids: Vec<&String> = places.into_iter().flatten().collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.len() > 1 {
            let listed: Vec<String> = ids.iter().map(|id| format!("'{id}'")).collect();
            return Err(Failure::Usage(format!(
                "The group ids provided in different places (directly using '--group', via '--consumer-property', or \
                 via '--consumer.config') do not match. Detected group ids: {}",
                listed.join(", ")
            )));
        }
        if !ids.is_empty() && self.partition.is_some() {
            return Err(Failure::Usage("Options group and partition cannot be specified together.".into()));
        }
        Ok(ids.first().map(|id| (*id).clone()))
    }

    fn set_offset_reset(&self, all: &mut Properties) -> Result<(), Failure> {
        match all.get("auto.offset.reset") {
            Some(given) if self.from_beginning && given != "earliest" => Err(Failure::Message(format!(
                "Can't simultaneously specify --from-beginning and 'auto.offset.reset={given}', please remove one option"
            ))),
            Some(_) => Ok(()),
            None => {
                let reset = if self.from_beginning { "earliest" } else { "latest" };
                all.insert("auto.offset.reset".into(), reset.into());
                Ok(())
            }
        }
    }

    fn subscription(&self) -> Result<Subscription, Failure> {
        let start = self.start()?;
        match (&self.topic, self.partition, &self.include) {
            (Some(topic), Some(partition), _) => Ok(Subscription::Partition(topic.clone(), partition, start)),
            (Some(topic), None, _) => Ok(Subscription::Topics(vec![topic.clone()])),
            (None, _, include) => {
                let pattern = include.as_deref().unwrap_or_default();
                let whole = Regex::new(&format!("^(?:{pattern})$"));
                let whole = whole.map_err(|error| {
                    Failure::Message(format!("--include {pattern} is no regular expression: {error}"))
                })?;
                Ok(Subscription::Pattern(whole))
            }
        }
    }

    fn start(&self) -> Result<Start, Failure> {
        let Some(text) = &self.offset else {
            return Ok(if self.from_beginning { Start::Earliest } else { Start::Latest });
        };
        match text.to_lowercase().as_str() {
            "earliest" => Ok(Start::Earliest),
            "latest" => Ok(Start::Latest),
            number => match number.parse::<i64>() {
                Ok(offset) if offset >= 0 => Ok(Start::Offset(offset)),
                _ => Err(Failure::Usage(format!(
                    "The provided offset value '{text}' is incorrect. Valid values are 'earliest', 'latest', or a \
                     non-negative long."
                ))),
            },
        }
    }

    fn build_formatter(&mut self, context: &mut Context<'_>) -> Result<Formatter, Failure> {
        check_renamed(
            "property",
            "formatter-property",
            !self.property.is_empty() && !self.formatter_property.is_empty(),
        )?;
        let class = self.formatter.as_deref().unwrap_or("org.apache.kafka.tools.consumer.DefaultMessageFormatter");
        let kind = Formatter::kind(class).ok_or_else(|| Failure::Usage(class.to_owned()))?;
        if !self.property.is_empty() {
            deprecated(context, "property", "formatter-property")?;
        }
        self.formatter_property.append(&mut self.property);
        let mut properties = merged(self.formatter_config.as_deref(), &[])?;
        let named = [("key.deserializer", &self.key_deserializer), ("value.deserializer", &self.value_deserializer)];
        for (key, class) in named {
            if let Some(class) = class.clone().filter(|class| !class.is_empty()) {
                properties.insert(key.into(), class);
            }
        }
        properties.extend(merged(None, &self.formatter_property)?);
        Ok(Formatter::new(if context.is_json() { super::formatter::Kind::Json } else { kind }, &properties))
    }
}

fn check_renamed(old: &str, new: &str, has_both: bool) -> Result<(), Failure> {
    if has_both {
        return Err(Failure::Usage(format!("Options --{old} and --{new} cannot be specified together.")));
    }
    Ok(())
}

/// Kafka's tool says it on standard output; beside JSON it would be in the way.
fn deprecated(context: &mut Context<'_>, old: &str, new: &str) -> Result<(), Failure> {
    let text = format!("Option --{old} is deprecated and will be removed in a future version. Use --{new} instead.");
    if context.is_json() { Ok(context.err(text)?) } else { Ok(context.out(text)?) }
}
