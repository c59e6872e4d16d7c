//! What one row of the key table says, and the short constructors the table is written with. The rows are in
//! `keys/`, parsing of values in `value.rs`.

/// Type of a value, as Kafka's protocol numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i8)]
pub enum ConfigType {
    /// `true` or `false`.
    Boolean = 1,
    /// Free or enumerated text.
    String = 2,
    /// 32-bit number.
    Int = 3,
    /// 16-bit number.
    Short = 4,
    /// 64-bit number.
    Long = 5,
    /// Floating point number.
    Double = 6,
    /// Comma separated values.
    List = 7,
    /// Name of a Java class.
    Class = 8,
    /// Text that is never shown.
    Password = 9,
}

impl ConfigType {
    /// The number of a key whose type is not known.
    pub const UNKNOWN_CODE: i8 = 0;

    /// The number sent in `DescribeConfigs`.
    pub const fn code(self) -> i8 {
        self as i8
    }

    /// The name as Kafka spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Boolean => "BOOLEAN",
            Self::String => "STRING",
            Self::Int => "INT",
            Self::Short => "SHORT",
            Self::Long => "LONG",
            Self::Double => "DOUBLE",
            Self::List => "LIST",
            Self::Class => "CLASS",
            Self::Password => "PASSWORD",
        }
    }
}

/// How a broker key can change while the broker runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Only by a restart.
    ReadOnly,
    /// For one broker.
    PerBroker,
    /// For one broker or as the default of all.
    ClusterWide,
}

impl Scope {
    /// The word used in the documentation.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::PerBroker => "per-broker",
            Self::ClusterWide => "cluster-wide",
        }
    }
}

/// How much a user should care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Importance {
    /// Nearly everybody.
    High,
    /// Some.
    Medium,
    /// Few.
    Low,
}

/// Values that are accepted, beyond the type itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Allowed {
    /// Whatever the type allows.
    Any,
    /// Numbers from here up.
    AtLeast(i64),
    /// Numbers in this range, ends included.
    Between(i64, i64),
    /// Floating point numbers in this range, ends included.
    BetweenDoubles(f64, f64),
    /// One of these words; for lists, each item.
    OneOf(&'static [&'static str]),
    /// One of these words in upper or lower case.
    OneOfAnyCase(&'static [&'static str]),
    /// 1 to 9, or -1 for the codec's default.
    GzipLevel,
    /// `*` or `partition:broker` pairs.
    ThrottledReplicas,
    /// `earliest`, `latest` or `by_duration:` and an ISO 8601 duration.
    OffsetReset,
}

/// One row of the key table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConfigKey {
    /// Kafka's spelling of the key.
    pub name: &'static str,
    /// What it does, in one line.
    pub documentation: &'static str,
    /// Type of its value.
    pub config_type: ConfigType,
    /// Default as text; `None` is Kafka's null.
    pub default: Option<&'static str>,
    /// Accepted values.
    pub allowed: Allowed,
    /// Whether an empty text or list is refused.
    pub non_empty: bool,
    /// How it can change at run time (broker keys only).
    pub scope: Scope,
    /// How much a user should care.
    pub importance: Importance,
    /// Hidden from `DescribeConfigs`.
    pub internal: bool,
    /// Exists only as a dynamic config, never in a file.
    pub dynamic_only: bool,
}

const fn row(config_type: ConfigType, name: &'static str, documentation: &'static str) -> ConfigKey {
    ConfigKey {
        name,
        documentation,
        config_type,
        default: None,
        allowed: Allowed::Any,
        non_empty: false,
        scope: Scope::ReadOnly,
        importance: Importance::Medium,
        internal: false,
        dynamic_only: false,
    }
}

pub(crate) const fn boolean(name: &'static str, documentation: &'static str) -> ConfigKey {
    row(ConfigType::Boolean, name, documentation)
}
pub(crate) const fn string(name: &'static str, documentation: &'static str) -> ConfigKey {
    row(ConfigType::String, name, documentation)
}
pub(crate) const fn int(name: &'static str, documentation: &'static str) -> ConfigKey {
    row(ConfigType::Int, name, documentation)
}
pub(crate) const fn short(name: &'static str, documentation: &'static str) -> ConfigKey {
    row(ConfigType::Short, name, documentation)
}
pub(crate) const fn long(name: &'static str, documentation: &'static str) -> ConfigKey {
    row(ConfigType::Long, name, documentation)
}
pub(crate) const fn double(name: &'static str, documentation: &'static str) -> ConfigKey {
    row(ConfigType::Double, name, documentation)
}
pub(crate) const fn list(name: &'static str, documentation: &'static str) -> ConfigKey {
    row(ConfigType::List, name, documentation)
}
pub(crate) const fn class(name: &'static str, documentation: &'static str) -> ConfigKey {
    row(ConfigType::Class, name, documentation)
}
pub(crate) const fn password(name: &'static str, documentation: &'static str) -> ConfigKey {
    row(ConfigType::Password, name, documentation)
}

impl ConfigKey {
    pub(crate) const fn default(mut self, text: &'static str) -> Self {
        self.default = Some(text);
        self
    }
    const fn allow(mut self, allowed: Allowed) -> Self {
        self.allowed = allowed;
        self
    }
    pub(crate) const fn at_least(self, lowest: i64) -> Self {
        self.allow(Allowed::AtLeast(lowest))
    }
    pub(crate) const fn between(self, lowest: i64, highest: i64) -> Self {
        self.allow(Allowed::Between(lowest, highest))
    }
    pub(crate) const fn between_doubles(self, lowest: f64, highest: f64) -> Self {
        self.allow(Allowed::BetweenDoubles(lowest, highest))
    }
    pub(crate) const fn one_of(self, words: &'static [&'static str]) -> Self {
        self.allow(Allowed::OneOf(words))
    }
    pub(crate) const fn one_of_any_case(self, words: &'static [&'static str]) -> Self {
        self.allow(Allowed::OneOfAnyCase(words))
    }
    pub(crate) const fn gzip_level(self) -> Self {
        self.allow(Allowed::GzipLevel)
    }
    pub(crate) const fn throttled_replicas(self) -> Self {
        self.allow(Allowed::ThrottledReplicas)
    }
    pub(crate) const fn offset_reset(self) -> Self {
        self.allow(Allowed::OffsetReset)
    }
    pub(crate) const fn non_empty(mut self) -> Self {
        self.non_empty = true;
        self
    }
    pub(crate) const fn high(mut self) -> Self {
        self.importance = Importance::High;
        self
    }
    pub(crate) const fn low(mut self) -> Self {
        self.importance = Importance::Low;
        self
    }
    pub(crate) const fn per_broker(mut self) -> Self {
        self.scope = Scope::PerBroker;
        self
    }
    pub(crate) const fn cluster_wide(mut self) -> Self {
        self.scope = Scope::ClusterWide;
        self
    }
    pub(crate) const fn internal(mut self) -> Self {
        self.internal = true;
        self
    }
    pub(crate) const fn dynamic_only(mut self) -> Self {
        self.dynamic_only = true;
        self
    }

    /// Whether values must never be shown.
    pub const fn is_sensitive(&self) -> bool {
        matches!(self.config_type, ConfigType::Password)
    }

    /// What is accepted, in words; empty if the type says it all.
    pub fn allowed_text(&self) -> String {
        match self.allowed {
            Allowed::Any if self.non_empty => "not empty".into(),
            Allowed::Any => String::new(),
            Allowed::AtLeast(lowest) => format!("at least {lowest}"),
            Allowed::Between(lowest, highest) => format!("{lowest} to {highest}"),
            Allowed::BetweenDoubles(lowest, highest) => format!("{lowest} to {highest}"),
            Allowed::OneOf(words) | Allowed::OneOfAnyCase(words) => format!("one of {}", words.join(", ")),
            Allowed::GzipLevel => "1 to 9, or -1".into(),
            Allowed::ThrottledReplicas => "* or partition:broker pairs such as 0:1,1:2".into(),
            Allowed::OffsetReset => {
                "earliest, latest or by_duration:<ISO 8601 duration>, such as by_duration:PT1H".into()
            }
        }
    }
}
