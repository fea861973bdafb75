//! From a key to what it means.

use crate::config::Config;
use tidegate_sdk::{ConfigError, find};

/// What a key means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// When it happened.
    Time,
    /// How severe it is.
    Level,
    /// The body.
    Message,
    /// The trace.
    TraceId,
    /// The span.
    SpanId,
    /// The resource's attribute of this number.
    Resource(u8),
}

/// A key that has a meaning, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// What it means.
    pub role: Role,
    number: u8,
}

/// All keys that have a meaning, in a hash table with open addressing over length, first and last byte.
pub struct Roles {
    slots: [u8; SLOTS],
    known: Vec<(Box<[u8]>, Known)>,
    resources: Vec<String>,
}

/// Which keys of the object have filled which roles: a bit each.
#[derive(Default)]
pub struct Taken {
    roles: u64,
    keys: u64,
}

/// So many keys may have a meaning: a quarter of the table stays free.
const KEYS_MAX: usize = 48;
const SLOTS: usize = 64;
const FREE: u8 = u8::MAX;

// === impl Roles ===

impl Roles {
    /// From the configuration.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        let mut roles = Roles {
            slots: [FREE; SLOTS],
            known: Vec::new(),
            resources: Vec::new(),
        };
        let lists = [
            ("time", config.time, Role::Time),
            ("level", config.level, Role::Level),
            ("message", config.message, Role::Message),
            ("trace_id", config.trace_id, Role::TraceId),
            ("span_id", config.span_id, Role::SpanId),
        ];
        for (field, keys, role) in lists {
            for (i, key) in keys.into_iter().enumerate() {
                roles.add(&format!("/{field}/{i}"), key, role)?;
            }
        }
        for (key, name) in config.resource {
            let role = roles.resource_role(name);
            roles.add(
                &format!("/resource/{}", ConfigError::escaped(&key)),
                key,
                role,
            )?;
        }
        Ok(roles)
    }

    /// What a key means, if anything.
    #[inline(always)]
    pub fn of(&self, key: &str) -> Option<Known> {
        let key = key.as_bytes();
        let mut slot = hash(key);
        loop {
            let (word, known) = self.known.get(usize::from(self.slots[slot]))?;
            if find::equal(word, key) {
                return Some(*known);
            }
            slot = (slot + 1) % SLOTS;
        }
    }

    /// What a resource's attribute is called.
    #[inline]
    pub fn resource(&self, number: u8) -> &str {
        &self.resources[usize::from(number)]
    }

    /// Two keys may mean the same attribute.
    fn resource_role(&mut self, name: String) -> Role {
        let number = self
            .resources
            .iter()
            .position(|known| *known == name)
            .unwrap_or_else(|| {
                self.resources.push(name);
                self.resources.len() - 1
            });
        Role::Resource(number as u8)
    }

    fn add(&mut self, pointer: &str, key: String, role: Role) -> Result<(), ConfigError> {
        if self.known.len() == KEYS_MAX {
            return Err(ConfigError::field(
                pointer,
                format!("more than {KEYS_MAX} keys have a meaning"),
            ));
        }
        if self.of(&key).is_some() {
            return Err(ConfigError::field(
                pointer,
                format!("the key {key:?} has a meaning already"),
            ));
        }
        let mut slot = hash(key.as_bytes());
        while self.slots[slot] != FREE {
            slot = (slot + 1) % SLOTS;
        }
        let number = self.known.len() as u8;
        self.slots[slot] = number;
        self.known
            .push((key.into_bytes().into(), Known { role, number }));
        Ok(())
    }
}

#[inline(always)]
fn hash(key: &[u8]) -> usize {
    let (first, last) = match key {
        [first, .., last] => (*first, *last),
        [only] => (*only, *only),
        [] => (0, 0),
    };
    (key.len().wrapping_mul(7)
        ^ usize::from(first).wrapping_mul(5)
        ^ usize::from(last).wrapping_mul(11))
        % SLOTS
}

// === impl Taken ===

impl Taken {
    /// Whether the role is free, or this very key has filled it: of a key that is repeated the last value counts.
    #[inline(always)]
    pub fn may(&self, known: Known) -> bool {
        self.roles & 1 << known.role.number() == 0 || self.keys & 1 << known.number != 0
    }

    /// Now this key has filled its role.
    #[inline(always)]
    pub fn by(&mut self, known: Known) {
        self.roles |= 1 << known.role.number();
        self.keys |= 1 << known.number;
    }
}

// === impl Role ===

impl Role {
    /// Five, and at most as many resource attributes as keys: below the 64 of `Taken`.
    #[inline(always)]
    fn number(self) -> usize {
        match self {
            Role::Time => 0,
            Role::Level => 1,
            Role::Message => 2,
            Role::TraceId => 3,
            Role::SpanId => 4,
            Role::Resource(number) => 5 + usize::from(number),
        }
    }
}
