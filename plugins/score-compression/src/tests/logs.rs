//! Logs in the shape of well-known programs, and what goes wrong in them. The same for a seed on every machine.

/// Which program writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Nginx,
    Java,
    Klog,
    Sshd,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incident {
    /// Stack traces of a fault that was never seen, one record a trace.
    TraceStorm,
    /// Texts of errors that were never seen.
    NewErrors,
    /// Bytes that are no text, as of a truncated or mixed-up encoding.
    Garbage,
    /// Requests or users of a scanner, from its list of things to try.
    Scan,
    /// A new version says everything in other words.
    Deploy,
}

impl Source {
    pub const ALL: [Source; 4] = [Source::Nginx, Source::Java, Source::Klog, Source::Sshd];
}

impl Incident {
    pub const ALL: [Incident; 5] = [
        Incident::TraceStorm,
        Incident::NewErrors,
        Incident::Garbage,
        Incident::Scan,
        Incident::Deploy,
    ];
}

pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        let mut chance = Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        for _ in 0..8 {
            chance.next();
        }
        chance
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    pub fn below(&mut self, most: usize) -> usize {
        self.next() as usize % most
    }

    pub fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn of<'a>(&mut self, these: &[&'a str]) -> &'a str {
        these[self.below(these.len())]
    }

    /// Mostly the first ones.
    fn often<'a>(&mut self, these: &[&'a str]) -> &'a str {
        let (one, other) = (self.below(these.len()), self.below(these.len()));
        these[one.min(other)]
    }

    /// A word that nobody has said.
    fn word(&mut self, letters: usize) -> String {
        let letters = letters + self.below(4);
        (0..letters)
            .map(|_| char::from(b'a' + self.below(26) as u8))
            .collect()
    }

    fn hex(&mut self, digits: usize) -> String {
        (0..digits)
            .map(|_| char::from(b"0123456789abcdef"[self.below(16)]))
            .collect()
    }

    fn ip(&mut self) -> String {
        format!(
            "{}.{}.{}.{}",
            self.below(223) + 1,
            self.below(256),
            self.below(256),
            self.below(256)
        )
    }
}

const PATHS: [&str; 16] = [
    "/",
    "/api/orders",
    "/api/orders/{}",
    "/api/cart",
    "/api/users/{}",
    "/static/app.js",
    "/static/app.css",
    "/healthz",
    "/api/search?q={w}",
    "/login",
    "/api/cart/items/{}",
    "/img/{}.png",
    "/api/reviews/{}",
    "/logout",
    "/favicon.ico",
    "/api/checkout",
];
const WORDS: [&str; 24] = [
    "shoes", "red", "lamp", "desk", "winter", "coat", "book", "garden", "phone", "case", "table",
    "chair", "blue", "bottle", "bike", "helmet", "tent", "rope", "knife", "board", "game", "ball",
    "shirt", "socks",
];
const AGENTS: [&str; 6] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
    "kube-probe/1.30",
    "curl/8.7.1",
    "Googlebot/2.1 (+http://www.google.com/bot.html)",
];
const USERS: [&str; 12] = [
    "deploy", "alice", "bob", "carol", "jenkins", "backup", "root", "ansible", "git", "dave",
    "erin", "nagios",
];
const PODS: [&str; 10] = [
    "checkout",
    "payment",
    "inventory",
    "reviews",
    "cart",
    "search",
    "mail",
    "gateway",
    "auth",
    "ledger",
];
const JAVA: [&str; 22] = [
    "INFO  [http-nio-8080-exec-{}] c.s.orders.OrderController - order {} accepted for customer {} in {} ms",
    "INFO  [http-nio-8080-exec-{}] c.s.orders.OrderService - reserving {} items in warehouse {p}",
    "DEBUG [http-nio-8080-exec-{}] c.s.cart.CartRepository - select * from cart where id = {} took {} ms",
    "INFO  [scheduling-{}] c.s.jobs.Cleanup - removed {} expired sessions",
    "WARN  [http-nio-8080-exec-{}] c.s.payment.PaymentClient - payment provider timed out after {} ms, retrying (attempt {})",
    "INFO  [kafka-consumer-{}] o.a.k.c.consumer.KafkaConsumer - committed offset {} of {p}-{}",
    "INFO  [http-nio-8080-exec-{}] c.s.auth.Tokens - token {h} issued for user u-{}",
    "DEBUG [http-nio-8080-exec-{}] c.s.search.SearchService - query '{w} {w}' gave {} hits in {} ms",
    "INFO  [main] c.z.hikari.HikariPool - HikariPool-{} - stats (total={}, active={}, idle={}, waiting={})",
    "INFO  [http-nio-8080-exec-{}] c.s.users.UserController - user u-{} signed in from {i}",
    "ERROR [http-nio-8080-exec-{}] c.s.payment.PaymentService - card of customer {} declined: insufficient funds",
    "INFO  [mail-{}] c.s.mail.Sender - sent confirmation {} to customer {}",
    "DEBUG [http-nio-8080-exec-{}] c.s.stock.StockCache - hit for sku {w}-{}",
    "DEBUG [http-nio-8080-exec-{}] c.s.stock.StockCache - miss for sku {w}-{}, loading",
    "INFO  [http-nio-8080-exec-{}] c.s.shipping.Labels - label {h} printed for parcel {}",
    "WARN  [http-nio-8080-exec-{}] c.s.stock.StockService - only {} left of sku {w}-{}",
    "INFO  [scheduling-{}] c.s.jobs.Prices - {} prices updated, {} unchanged",
    "INFO  [http-nio-8080-exec-{}] c.s.reviews.ReviewController - review {} by u-{}: {} stars",
    "DEBUG [http-nio-8080-exec-{}] o.s.w.s.DispatcherServlet - POST \"/api/orders\", parameters={masked}",
    "DEBUG [http-nio-8080-exec-{}] o.s.w.s.DispatcherServlet - Completed {} OK",
    "INFO  [grpc-default-executor-{}] c.s.ledger.Ledger - booked {} EUR from {} to {}",
    "WARN  [http-nio-8080-exec-{}] c.s.auth.Lockout - {} failed sign-ins of u-{} within {} s",
];
const KLOG: [&str; 18] = [
    "I1121 14:05:{}.{}    {} kubelet.go:{}] \"SyncLoop (PLEG): event for pod\" pod=\"shop/{p}-{h}-{k}\" event={\"ID\":\"{u}\",\"Type\":\"ContainerStarted\"}",
    "I1121 14:05:{}.{}    {} reconciler_common.go:{}] \"operationExecutor.VerifyControllerAttachedVolume started for volume \\\"kube-api-access-{k}\\\"\" pod=\"shop/{p}-{h}-{k}\"",
    "W1121 14:05:{}.{}    {} prober.go:{}] \"Probe failed\" probeType=\"Readiness\" pod=\"shop/{p}-{h}-{k}\" containerName=\"{p}\" probeResult=\"failure\"",
    "I1121 14:05:{}.{}    {} scope.go:{}] \"RemoveContainer\" containerID=\"{u}\"",
    "E1121 14:05:{}.{}    {} pod_workers.go:{}] \"Error syncing pod, skipping\" err=\"failed to start container \\\"{p}\\\"\" pod=\"shop/{p}-{h}-{k}\"",
    "I1121 14:05:{}.{}    {} httplog.go:{}] \"HTTP\" verb=\"GET\" URI=\"/api/v1/namespaces/shop/pods/{p}-{h}-{k}\" latency=\"{}.{}ms\" resp=200",
    "I1121 14:05:{}.{}    {} httplog.go:{}] \"HTTP\" verb=\"WATCH\" URI=\"/api/v1/nodes?resourceVersion={}\" latency=\"{}m{}s\" resp=200",
    "I1121 14:05:{}.{}    {} garbagecollector.go:{}] \"Processing object\" object=\"shop/{p}-{h}\" objectUID=\"{u}\" kind=\"ReplicaSet\"",
    "I1121 14:05:{}.{}    {} event.go:{}] \"Event occurred\" object=\"shop/{p}\" kind=\"Deployment\" type=\"Normal\" reason=\"ScalingReplicaSet\"",
    "I1121 14:05:{}.{}    {} controller.go:{}] \"quota admission added evaluator for\" resource=\"endpointslices.discovery.k8s.io\"",
    "I1121 14:05:{}.{}    {} kuberuntime_manager.go:{}] \"Updating runtime config through cri with podcidr\" CIDR=\"{i}/24\"",
    "W1121 14:05:{}.{}    {} reflector.go:{}] watch of *v1.ConfigMap ended with: very short watch: Unexpected watch close",
    "I1121 14:05:{}.{}    {} trace.go:{}] Trace[{}]: \"List\" url:/api/v1/pods (21-Nov-2026 14:05:{}) (total time: {}ms):",
    "I1121 14:05:{}.{}    {} endpointslice_controller.go:{}] \"Retrying endpoint slice sync\" service=\"shop/{p}\" attempts={}",
    "I1121 14:05:{}.{}    {} node_lifecycle_controller.go:{}] \"Node is responsive again\" node=\"worker-{}\"",
    "I1121 14:05:{}.{}    {} horizontal.go:{}] \"Successfully rescaled\" HPA=\"shop/{p}\" currentReplicas={} desiredReplicas={}",
    "I1121 14:05:{}.{}    {} cache.go:{}] \"Pod was added to a different node than it was assumed\" pod=\"shop/{p}-{h}-{k}\" assumedNode=\"worker-{}\"",
    "I1121 14:05:{}.{}    {} schedule_one.go:{}] \"Successfully bound pod to node\" pod=\"shop/{p}-{h}-{k}\" node=\"worker-{}\" evaluatedNodes={}",
];
const SSHD: [&str; 12] = [
    "sshd[{}]: Accepted publickey for {n} from {i} port {} ssh2: ED25519 SHA256:{b}",
    "sshd[{}]: pam_unix(sshd:session): session opened for user {n}(uid={}) by (uid=0)",
    "sshd[{}]: pam_unix(sshd:session): session closed for user {n}",
    "sshd[{}]: Received disconnect from {i} port {}:11: disconnected by user",
    "sshd[{}]: Disconnected from user {n} {i} port {}",
    "sshd[{}]: Failed password for root from {i} port {} ssh2",
    "sshd[{}]: Connection closed by authenticating user root {i} port {} [preauth]",
    "sudo: {n} : TTY=pts/{} ; PWD=/home/{n} ; USER=root ; COMMAND=/usr/bin/systemctl status {p}",
    "systemd-logind[{}]: New session {} of user {n}.",
    "systemd-logind[{}]: Session {} logged out. Waiting for processes to exit.",
    "CRON[{}]: (root) CMD (   cd / && run-parts --report /etc/cron.hourly)",
    "sshd[{}]: Connection reset by {i} port {} [preauth]",
];

/// Fills a template: `{}` a number, `{w}` a word that is often said, `{x}` one that never was, `{h}` hex, `{u}` a UUID,
/// `{i}` an address, `{n}` a user, `{p}` a service, `{k}` the end of a pod's name, `{b}` base64.
fn filled(template: &str, chance: &mut Chance) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        text.push_str(&rest[..open]);
        let close = open + rest[open..].find('}').unwrap();
        match &rest[open + 1..close] {
            "" => {
                let size = 10_usize.pow(1 + chance.below(5) as u32);
                text.push_str(&chance.below(size).to_string());
            }
            "w" => text.push_str(chance.often(&WORDS)),
            "x" => text.push_str(&chance.word(6)),
            "h" => text.push_str(&chance.hex(10)),
            "u" => {
                let groups: Vec<String> = [8, 4, 4, 4, 12].map(|n| chance.hex(n)).into();
                text.push_str(&groups.join("-"));
            }
            "i" => text.push_str(&chance.ip()),
            "n" => text.push_str(chance.often(&USERS)),
            "p" => text.push_str(chance.often(&PODS)),
            // Of sixty pods and twenty keys, which come again.
            "k" => {
                let letters = b"bcdfghjklmnpqrstvwxz2456789";
                let mut pod = Chance::new(1_000 + chance.below(60) as u64);
                text.extend((0..5).map(|_| char::from(letters[pod.below(letters.len())])));
            }
            "b" => {
                let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
                let mut key = Chance::new(2_000 + chance.below(20) as u64);
                text.extend((0..43).map(|_| char::from(letters[key.below(letters.len())])));
            }
            other => text.push_str(&format!("{{{other}}}")),
        }
        rest = &rest[close + 1..];
    }
    text + rest
}

/// A usual line.
pub fn usual(source: Source, chance: &mut Chance) -> String {
    match source {
        Source::Nginx => {
            let path = chance.often(&PATHS);
            let method = if path.starts_with("/api/c") {
                "POST"
            } else {
                "GET"
            };
            let status = chance.often(&["200", "304", "201", "404", "302", "499"]);
            let agent = chance.often(&AGENTS);
            let line = format!(
                "{{i}} - - [21/Nov/2026:14:05:{{}} +0000] \"{method} {path} HTTP/1.1\" {status} {{}} \"-\" \"{agent}\""
            );
            filled(&line, chance)
        }
        Source::Java => filled(chance.often(&JAVA), chance),
        Source::Klog => filled(chance.often(&KLOG), chance),
        Source::Sshd => filled(chance.often(&SSHD), chance),
    }
}

/// What an incident says, in its own few or many words, which are drawn once.
pub struct Trouble {
    incident: Incident,
    source: Source,
    templates: Vec<String>,
}

impl Trouble {
    pub fn new(source: Source, incident: Incident, chance: &mut Chance) -> Self {
        let templates = match incident {
            Incident::TraceStorm => (0..3).map(|_| trace(chance)).collect(),
            Incident::NewErrors => (0..40).map(|_| error(chance)).collect(),
            Incident::Garbage | Incident::Scan => Vec::new(),
            Incident::Deploy => (0..60).map(|_| sentence(chance)).collect(),
        };
        Trouble {
            incident,
            source,
            templates,
        }
    }

    /// A line of it.
    pub fn line(&self, chance: &mut Chance) -> Vec<u8> {
        match self.incident {
            Incident::Garbage => {
                let bytes = 40 + chance.below(160);
                (0..bytes).map(|_| chance.below(256) as u8).collect()
            }
            Incident::Scan if self.source == Source::Nginx => {
                let end = chance.of(&[
                    "php",
                    "asp",
                    "env",
                    "bak",
                    "sql",
                    "git/config",
                    "cgi",
                    "zip",
                ]);
                let line = format!(
                    "{{i}} - - [21/Nov/2026:14:05:{{}} +0000] \"GET /{{x}}/{{x}}.{end}?{{x}}=../../{{x}} HTTP/1.1\" 404 {{}} \"-\" \"{{x}}\""
                );
                filled(&line, chance).into_bytes()
            }
            Incident::Scan if self.source == Source::Sshd => filled(
                "sshd[{}]: Failed password for invalid user {x} from {i} port {} ssh2",
                chance,
            )
            .into_bytes(),
            Incident::Scan => filled(
                "WARN rejected input '{x}{x}' of field {x}: unexpected token near \"{x}\"",
                chance,
            )
            .into_bytes(),
            _ => {
                let at = chance.below(self.templates.len());
                filled(&self.templates[at], chance).into_bytes()
            }
        }
    }
}

fn trace(chance: &mut Chance) -> String {
    let mut text = format!(
        "ERROR [http-{{}}] com.shop.{{}} - {}Exception: {}\n",
        chance.word(6),
        sentence(chance)
    );
    for _ in 0..12 {
        let (package, class, method) = (chance.word(4), chance.word(6), chance.word(5));
        text.push_str(&format!(
            "\tat com.{package}.{class}.{method}({class}.java:{{}})\n"
        ));
    }
    text
}

fn error(chance: &mut Chance) -> String {
    format!(
        "ERROR [worker-{{}}] {}.{}: {} ({{}}): {}",
        chance.word(5),
        chance.word(7),
        sentence(chance),
        chance.word(4)
    )
}

fn sentence(chance: &mut Chance) -> String {
    let words = 5 + chance.below(6);
    let words: Vec<String> = (0..words)
        .map(|_| {
            if chance.percent(25) {
                "{}".to_owned()
            } else {
                chance.word(4)
            }
        })
        .collect();
    words.join(" ")
}
