//! Plugins: where their bytes are, and their own configuration with its lines.

use super::{check, env, good_but, load, problems};
use crate::config::{Loaded, from_text};
use serde_json::json;
use std::path::Path;

fn schema() -> serde_json::Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["time"],
        "properties": {
            "time": {"type": "array", "items": {"type": "string"}},
            "secret": {"type": "integer"},
        },
    })
}

fn told(loaded: &Loaded) -> Vec<String> {
    let problems = loaded.lines.check_plugin("json", &schema());
    problems.iter().map(ToString::to_string).collect()
}

fn with_config(config: &str) -> Loaded {
    load(&good_but(
        "parse-json\" }",
        &format!("parse-json\", config: {config} }}"),
    ))
    .unwrap()
}

/// *Scenario:* a path to nothing, a URL, both kinds of configuration at once.
/// *Guarantees:* each is told at its line.
#[test]
fn plugins_must_be_there() {
    check(&[
        (
            "builtin:parse-json",
            "./none.wasm",
            "4:17: plugins.json.wasm is ./none.wasm, but there is no file ./none.wasm; build the plugin, or write the path relative to the configuration",
        ),
        (
            "builtin:parse-json",
            "oci://r/x",
            "4:17: plugins.json.wasm is oci://r/x, but must be a path or builtin:NAME; fetch it to a file first",
        ),
        (
            "parse-json\" }",
            "parse-json\", config: {}, config_file: x }",
            "4:39: plugins.json.config must not stand beside config_file; keep one of them",
        ),
    ]);
    let told = problems("parse-json\" }", "parse-json\", config_file: none.yaml }");
    assert!(
        told[0].starts_with(
            "x.yaml:4:52: plugins.json.config_file is none.yaml, but the file cannot be read"
        ),
        "{}",
        told[0]
    );
}

/// *Scenario:* a plugin's configuration against the plugin's schema: right, with a wrong item, an unknown
/// key and a missing one, and none at all.
/// *Guarantees:* each problem stands at its line of the YAML and names the whole path.
#[test]
fn a_plugins_configuration_is_checked_by_its_schema() {
    assert!(told(&with_config("{ time: [ts] }")).is_empty());
    assert_eq!(
        told(&with_config("{ time: [ts, 5] }")),
        ["x.yaml:4:60: plugins.json.config.time[1] is 5, but must be a text; write \"5\"",]
    );
    assert_eq!(
        told(&with_config("{ tme: [ts] }")),
        [
            "x.yaml:4:49: plugins.json.config.tme is not a known key; did you mean time?",
            "x.yaml:4:39: plugins.json.config.time is missing",
        ]
    );
    assert_eq!(
        told(&load(super::GOOD).unwrap()),
        ["x.yaml:4:3: plugins.json.config.time is missing",]
    );
}

/// *Scenario:* a plugin refuses its configuration in its own words, which repeat a secret.
/// *Guarantees:* the words stand at the line that the plugin points at, the secret does not.
#[test]
fn a_plugins_own_words_get_a_line() {
    let loaded = with_config("{ time: [ts], secret: \"${TOKEN}\" }");
    assert_eq!(
        told(&loaded),
        ["x.yaml:4:69: plugins.json.config.secret is ${TOKEN}, but must be a whole number",]
    );
    let problem = loaded
        .lines
        .plugin_problem("json", "/secret", "s3cret is\n  too short");
    assert_eq!(
        problem.to_string(),
        "x.yaml:4:69: plugins.json.config.secret is refused: ${TOKEN} is too short"
    );
    let problem = loaded.lines.plugin_problem("json", "", "no");
    assert!(
        problem
            .to_string()
            .starts_with("x.yaml:4:39: plugins.json.config is refused")
    );
}

/// *Scenario:* what plugins say of items of a list: a sentence about the value, one about two of them, a rule, an expression
/// that is none, as the crate `regex` draws it, anything else; a plugin's schema is broken there.
/// *Guarantees:* each reads as one sentence, with the item's name, the lines of both, the value, the place in the expression
/// and, where the schema has an example, how to write it.
#[test]
fn what_plugins_say_reads_as_a_sentence() {
    let loaded = with_config(
        "{ rules: [{ name: one, at: \"(a\" }, { name: two, at: 5, n: 7 }, { at: 5 }] }",
    );
    let said = |pointer: &str, message: &str| {
        let problem = loaded.lines.plugin_problem("json", pointer, message);
        let told = problem.to_string();
        let (_, told) = told.split_once("plugins.json.config.").unwrap();
        told.to_owned()
    };
    assert_eq!(
        said("/rules/1/at", "is 48h;\n use 1s"),
        "rules[1].at is 48h; use 1s (rule two)"
    );
    assert_eq!(
        said("/rules/1/name", "is two, as /rules/0/name, and /rules/9"),
        "rules[1].name is two, as plugins.json.config.rules[0].name (line 4), and /rules/9 (rule two)"
    );
    assert_eq!(
        said("/rules/1/n", "must be above 8"),
        "rules[1].n is 7, but must be above 8 (rule two)"
    );
    let drawn = "regex parse error:\n    (a\n    ^\nerror: unclosed group";
    let expected = "rules[0].at is (a, but must be a regular expression: unclosed group, at character 1: `(a` (rule one)";
    assert_eq!(said("/rules/0/at", drawn), expected);
    let short = "must be a regular expression: unclosed group, at character 1";
    assert_eq!(said("/rules/0/at", short), expected);
    assert_eq!(said("/rules/2", "oh: no"), "rules[2] is refused: oh: no");
    let example = json!({"at_least": 5, "of": ["60s"]});
    let schema = json!({"properties": {"rules": {"items": {"properties": {
        "at": {"type": ["string", "null"], "examples": ["60s"]},
        "n": {"anyOf": [{"type": "object"}, {"type": "null"}], "examples": [example]},
    }}}}});
    let told = loaded.lines.check_plugin("json", &schema);
    let told: Vec<_> = told.iter().map(ToString::to_string).collect();
    let rest = told.iter().map(|t| t.split_once("config.").unwrap().1);
    let expected = [
        "rules[1].at is 5, but must be a text; write it like \"60s\" (rule two)",
        "rules[1].n is 7, but must be a map of keys and values; write it like { at_least: 5, of: [\"60s\"] } (rule two)",
        "rules[2].at is 5, but must be a text; write it like \"60s\"",
    ];
    assert_eq!(rest.collect::<Vec<_>>(), expected);
}

/// *Scenario:* a plugin's `config_file` with 10,000 rules, and one that is far too long.
/// *Guarantees:* the first is read, though the configuration itself could not hold it; the second is told, with what to do.
#[test]
fn a_file_of_rules_may_be_large() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("p.yaml");
    let text = good_but("parse-json\" }", "parse-json\", config_file: p.yaml }");
    let load = |rules: usize| {
        let rule = |n: usize| {
            let pad = "x".repeat(150);
            format!(
                "- {{ name: rule-{n}, when: {{ field: body, contains: {pad} }}, count: {{ at_least: 5 }} }}\n"
            )
        };
        let rules: String = (0..rules).map(rule).collect();
        std::fs::write(&file, format!("rules:\n{rules}")).unwrap();
        from_text(&folder.path().join("x.yaml"), &text, &env)
    };
    let loaded = load(10_000).unwrap();
    let rules = loaded.settings.plugins[0].config["rules"]
        .as_array()
        .map(Vec::len);
    assert_eq!(rules, Some(10_000));
    let told = load(100_000).unwrap_err();
    assert_eq!(told.len(), 1);
    let end =
        "but the file must be at most 16MiB long; share them out over the files of several plugins";
    assert!(told[0].to_string().ends_with(end), "{}", told[0]);
}

/// *Scenario:* the configuration of a plugin is a file of its own, with nulls and references.
/// *Guarantees:* it is read relative to the configuration; its problems name that file and its lines.
#[test]
fn a_plugins_configuration_may_be_a_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("p.yaml"),
        "time:\n  - ts\n  - 5\nsecret: ${TOKEN}\nx: null\n",
    )
    .unwrap();
    let text = good_but("parse-json\" }", "parse-json\", config_file: p.yaml }");
    let loaded = from_text(&folder.path().join("x.yaml"), &text, &env).unwrap();
    let config = &loaded.settings.plugins[0].config;
    assert_eq!(
        config,
        &json!({"time": ["ts", 5], "secret": "s3cret", "x": null})
    );
    let file = folder.path().join("p.yaml");
    let mut expected = vec![
        format!(
            "{}:3:5: time[1] is 5, but must be a text; write \"5\"",
            file.display()
        ),
        format!(
            "{}:4:9: secret is ${{TOKEN}}, but must be a whole number",
            file.display()
        ),
        format!(
            "{}:5:1: x is not a known key; known here: secret, time",
            file.display()
        ),
    ];
    let mut told = told(&loaded);
    told.sort();
    expected.sort();
    assert_eq!(told, expected);
}

/// *Scenario:* a plugin's configuration with nulls in the file itself, and a schema that is none.
/// *Guarantees:* nulls reach the plugin; a bad schema is told as the plugin's fault.
#[test]
fn nulls_reach_plugins_and_bad_schemas_are_told() {
    let loaded = with_config("{ time: null }");
    assert_eq!(loaded.settings.plugins[0].config, json!({"time": null}));
    let problems = loaded.lines.check_plugin("json", &json!({"type": 5}));
    assert_eq!(problems.len(), 1);
    assert!(problems[0].rule.contains("schema that is none"));
    assert_eq!(problems[0].file, Path::new("x.yaml"));
}

/// *Scenario:* a schema as Rust plugins describe it, with choices of words, of forms, and keys that may be left out.
/// *Guarantees:* what is told is what is wrong with the form that was meant, with what was probably meant.
#[test]
fn choices_of_a_plugins_schema_are_told_plainly() {
    let schema = json!({
        "type": "object",
        "properties": {
            "rules": {"type": "array", "items": {"$ref": "#/$defs/Rule"}},
            "name": {"type": ["string", "null"]},
        },
        "$defs": {
            "Rule": {
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "then": {"oneOf": [
                        {"const": "drop"},
                        {"const": "keep"},
                        {"type": "object", "required": ["route"], "properties": {"route": {"type": "string"}}},
                    ]},
                    "when": {"anyOf": [{"$ref": "#/$defs/When"}, {"type": "null"}]},
                },
            },
            "When": {"type": "object", "additionalProperties": false, "properties": {"contains": {"type": "string"}}},
        },
    });
    let told = |config: &str| {
        let problems = with_config(config).lines.check_plugin("json", &schema);
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        lines.join("\n")
    };
    let at = "x.yaml:4:";
    assert_eq!(
        told("{ rules: [{ then: dorp }] }"),
        format!(
            "{at}65: plugins.json.config.rules[0].then is dorp, but must be drop or keep or a map of keys and values; did you mean drop?"
        )
    );
    assert_eq!(
        told("{ rules: [{ when: { contain: x } }] }"),
        format!(
            "{at}67: plugins.json.config.rules[0].when.contain is not a known key; did you mean contains?"
        )
    );
    assert_eq!(
        told("{ rules: [{ then: { route: 5 } }] }"),
        format!(
            "{at}74: plugins.json.config.rules[0].then.route is 5, but must be a text; write \"5\""
        )
    );
    assert_eq!(
        told("{ name: 5 }"),
        format!("{at}55: plugins.json.config.name is 5, but must be a text")
    );
    assert_eq!(told("{ rules: [{ then: keep }] }"), "");
}

/// *Scenario:* a file with problems, and plugins that are verified all the same: one that is sound and refuses its
/// configuration, one with a problem in its configuration, one whose configuration cannot be read.
/// *Guarantees:* all problems are told at once, in the order of the file; none that only follows from another.
#[test]
fn what_is_sound_is_verified_beside_the_problems() {
    let text = good_but(
        "  json: { wasm: \"builtin:parse-json\" }",
        concat!(
            "  json: { wasm: \"builtin:parse-json\", config: { time: 5 }, lmits: {} }\n",
            "  two: { wasm: x, config: { a: \"${NONE}\" } }\n",
            "  three: { wasm: \"builtin:x\", config_file: none.yaml }",
        ),
    );
    let text = text
        .replace("cluster: main\n", "cluster: mian\n")
        .replace("parse: [json]", "parse: [json, two, three]");
    let mut reading = super::super::read_text(Path::new("x.yaml"), &text, &env);
    assert_eq!(reading.problems.len(), 5, "{:?}", reading.problems);
    let loaded = reading.sound.clone().unwrap();
    let names: Vec<_> = loaded.settings.plugins.iter().map(|p| &*p.name).collect();
    assert_eq!(names, ["json", "two"]);
    let lines = &loaded.lines;
    reading.add(vec![
        lines.plugin_problem("json", "/time", "no"),
        lines.problem(crate::config::field!["plugins", "two", "wasm"], "again", ""),
        lines.plugin_problem("two", "/a", "again"),
        lines.plugin_problem("two", "", "it follows from a"),
    ]);
    let fields: Vec<_> = reading
        .problems
        .iter()
        .map(|p| p.field.to_string())
        .collect();
    assert_eq!(
        fields,
        [
            "plugins.json.config.time",
            "plugins.json.lmits",
            "plugins.two.wasm",
            "plugins.two.config.a",
            "plugins.three.config_file",
            "pipelines.shop.from.cluster",
        ]
    );
    assert_eq!(reading.loaded().unwrap_err().len(), 6);
}
