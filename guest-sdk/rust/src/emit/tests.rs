//! Batch-level parsers, which take turns themselves.

use crate::testing::{parse, raw};
use crate::{Batch, ConfigError, Emit, Parser, Plugin, Record, Verdict};
use proptest::prelude::*;

/// Says nothing of the first record, and twice something of the others.
struct Skips;

impl Plugin for Skips {
    type Config = ();

    fn configure((): ()) -> Result<Self, ConfigError> {
        Ok(Skips)
    }
}

impl Parser for Skips {
    fn parse(&self, _: Record<'_>, _: &mut Emit<'_>) -> Verdict {
        Verdict::NotMine
    }

    fn parse_batch(&self, batch: Batch<'_>, out: &mut Emit<'_>) {
        out.begin(1);
        assert!(out.is_last_offer());
        let mut record = out.record();
        record.body(batch.get(1).map_or("", Record::body));
        record.emit();
        out.end(Verdict::Emitted);
    }
}

/// *Scenario:* a batch-level parser that passes records over.
/// *Guarantees:* they are malformed rather than gone, and the verdicts of the others do not shift.
#[test]
fn what_a_parser_passes_over_is_not_lost() {
    let parsed = parse(&Skips, &raw(["a", "b", "c"]));
    assert_eq!(
        (parsed.verdicts(), parsed.input()),
        (&[3, 0, 3][..], &[1][..])
    );
    assert_eq!(parsed.reasons()[1].message, "the plugin passed it over");
}

/// One call of a batch-level parser.
#[derive(Debug, Clone)]
enum Call {
    /// The next record but so many.
    Begin(usize),
    /// The record at hand again.
    Again,
    Record,
    HalfARecord,
    End(Verdict),
}

/// Makes its calls, but for those that panic.
struct Script(Vec<Call>);

impl Plugin for Script {
    type Config = ();

    fn configure((): ()) -> Result<Self, ConfigError> {
        Ok(Script(Vec::new()))
    }
}

impl Parser for Script {
    fn parse(&self, _: Record<'_>, _: &mut Emit<'_>) -> Verdict {
        Verdict::NotMine
    }

    fn parse_batch(&self, batch: Batch<'_>, out: &mut Emit<'_>) {
        let (mut input, mut ended) = (0, false);
        for call in &self.0 {
            match call {
                Call::Begin(over) if input + 1 + over < batch.len() => {
                    (input, ended) = (input + 1 + over, false);
                    out.begin(input);
                }
                Call::Again if !ended => out.begin(input),
                Call::End(verdict) if !ended => {
                    ended = true;
                    out.end(verdict.clone());
                }
                Call::Begin(_) | Call::Again | Call::End(_) => {}
                Call::Record => {
                    let mut record = out.record();
                    record.attr("of", input as i64);
                    record.emit();
                }
                Call::HalfARecord => {
                    let mut record = out.record();
                    record.attr("lost", true);
                }
            }
        }
    }
}

/// *Scenario:* a batch-level parser forgets to end, begins again, and emits behind its verdict.
/// *Guarantees:* records stand where nothing was said against them, and the verdicts fit.
#[test]
fn a_turn_without_an_end_is_emitted_where_it_gave_records() {
    use Call::{Again, Begin, End, HalfARecord, Record};
    for (calls, verdicts, input) in [
        (
            vec![Again, Record, Begin(0), Record],
            [0, 0, 3],
            &[0, 1][..],
        ),
        (
            vec![Record, Again, Record, End(Verdict::NotMine)],
            [2, 3, 3],
            &[],
        ),
        (
            vec![Record, HalfARecord, Begin(1), HalfARecord],
            [0, 3, 3],
            &[0],
        ),
        (
            vec![End(Verdict::NotMine), Record, Begin(0), Record],
            [2, 0, 3],
            &[1],
        ),
        (
            vec![Record, End(Verdict::Emitted), Record, Begin(1)],
            [0, 3, 3],
            &[0, 0],
        ),
        (
            vec![Record, Begin(1), End(Verdict::Joined(0))],
            [0, 3, 4],
            &[0],
        ),
    ] {
        let parsed = parse(&Script(calls.clone()), &raw(["a", "b", "c"]));
        assert_eq!(
            (parsed.verdicts(), parsed.input()),
            (&verdicts[..], input),
            "{calls:?}"
        );
    }
}

/// Any call; what cannot be is passed over.
fn calls() -> impl Strategy<Value = Call> {
    let verdict = prop_oneof![
        Just(Verdict::Emitted),
        Just(Verdict::NotMine),
        Just(Verdict::malformed("broken")),
        (0..4_u32).prop_map(Verdict::Joined),
    ];
    prop_oneof![
        3 => Just(Call::Record),
        3 => (0..2_usize).prop_map(Call::Begin),
        1 => Just(Call::Again),
        1 => Just(Call::HalfARecord),
        3 => verdict.prop_map(Call::End),
    ]
}

/// Ends the first record twice, or begins what has had its turn or is not there.
struct Wrong(fn(&mut Emit<'_>));

impl Plugin for Wrong {
    type Config = ();

    fn configure((): ()) -> Result<Self, ConfigError> {
        Ok(Wrong(|_| {}))
    }
}

impl Parser for Wrong {
    fn parse(&self, _: Record<'_>, _: &mut Emit<'_>) -> Verdict {
        Verdict::NotMine
    }

    fn parse_batch(&self, _: Batch<'_>, out: &mut Emit<'_>) {
        out.begin(0);
        out.end(Verdict::NotMine);
        (self.0)(out);
    }
}

/// *Scenario:* a batch-level parser ends a record twice, goes back, or begins one that is not there.
/// *Guarantees:* it panics with the record's number, at the place where it did so.
#[test]
fn turns_that_cannot_be_say_so() {
    let calls: [fn(&mut Emit<'_>); 3] = [
        |out| out.end(Verdict::NotMine),
        |out| out.begin(0),
        |out| out.begin(2),
    ];
    for (call, says) in
        calls
            .into_iter()
            .zip(["record 0 has two", "record 0 of 2", "record 2 of 2"])
    {
        let answer = std::panic::catch_unwind(|| parse(&Wrong(call), &raw(["a", "b"])));
        let message = *answer.unwrap_err().downcast::<String>().unwrap();
        assert!(message.contains(says), "{message}");
    }
}

proptest! {
    /// *Scenario:* a batch-level parser makes any calls in any order, but for those that panic.
    /// *Guarantees:* the answer keeps every rule, and no record of a refused input is in it.
    #[test]
    fn any_order_of_calls_keeps_the_rules(calls in proptest::collection::vec(calls(), 0..16)) {
        parse(&Script(calls), &raw(["a", "b", "c", "d", "e"]));
    }
}
