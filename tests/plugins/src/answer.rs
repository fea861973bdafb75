//! What a plugin answers, by the names of the contract.

/// `log-batch`.
#[allow(missing_docs, reason = "the contract documents them by the same names")]
#[derive(Debug, Default)]
pub struct Batch {
    pub text: Vec<u8>,
    pub seconds: Vec<u32>,
    pub nanos: Vec<u32>,
    pub severity: Vec<u8>,
    pub severity_text: Vec<u32>,
    pub body: Vec<u32>,
    pub body_kind: Vec<u8>,
    pub trace: Vec<u8>,
    pub attribute_end: Vec<u32>,
    pub key: Vec<u32>,
    pub kind: Vec<u8>,
    pub value: Vec<u32>,
}

/// `parsed`, and the length of the text given, where the returned text begins.
#[allow(missing_docs, reason = "the contract documents them by the same names")]
#[derive(Debug, Default)]
pub struct Parsed {
    pub given: u32,
    pub records: Batch,
    pub input: Vec<u32>,
    pub verdicts: Vec<u8>,
    pub joined: Vec<u32>,
    pub reasons: Vec<(u32, String)>,
}

/// `edits`, and the length of the text given, where the returned text begins.
#[allow(missing_docs, reason = "the contract documents them by the same names")]
#[derive(Debug, Default)]
pub struct Edits {
    pub given: u32,
    pub text: Vec<u8>,
    pub set_record: Vec<u32>,
    pub set_key: Vec<u32>,
    pub set_kind: Vec<u8>,
    pub set_value: Vec<u32>,
    pub remove: Vec<u32>,
    pub body_record: Vec<u32>,
    pub body_kind: Vec<u8>,
    pub body: Vec<u32>,
    pub time_record: Vec<u32>,
    pub time_seconds: Vec<u32>,
    pub time_nanos: Vec<u32>,
    pub severity_record: Vec<u32>,
    pub severity: Vec<u8>,
    pub severity_text: Vec<u32>,
    pub trace_record: Vec<u32>,
    pub trace: Vec<u8>,
    pub drop: Vec<u32>,
    pub reasons: Vec<(u32, String)>,
    pub route_record: Vec<u32>,
    pub route: Vec<u32>,
    pub routes: Vec<String>,
}

impl Parsed {
    /// Emits every record with its body and nothing else.
    pub fn honest(batch: &Batch) -> Parsed {
        let records = batch.seconds.len();
        Parsed {
            given: batch.text.len() as u32,
            records: Batch {
                seconds: vec![1; records],
                nanos: vec![0; records],
                severity: vec![9; records],
                body: batch.body.clone(),
                body_kind: batch.body_kind.clone(),
                attribute_end: vec![0; records],
                ..Batch::default()
            },
            input: (0..records as u32).collect(),
            verdicts: vec![0; records],
            ..Parsed::default()
        }
    }

    /// Appends text of its own: the span.
    pub fn write(&mut self, text: &[u8]) -> [u32; 2] {
        let start = self.given + self.records.text.len() as u32;
        self.records.text.extend_from_slice(text);
        [start, text.len() as u32]
    }

    /// Gives a record an attribute that is text, honestly.
    pub fn add_attribute(&mut self, record: usize, key: [u32; 2], value: [u32; 2]) {
        let at = self.records.attribute_end[record] as usize;
        self.records.key.splice(2 * at..2 * at, key);
        self.records.kind.insert(at, 4);
        self.records.value.splice(2 * at..2 * at, value);
        self.records.attribute_end[record..]
            .iter_mut()
            .for_each(|end| *end += 1);
    }

    /// Takes back the record that an input gave.
    pub fn take_back(&mut self, record: usize) {
        let place = self.input.iter().position(|i| *i as usize == record);
        let Some(place) = place else { return };
        let c = &mut self.records;
        self.input.remove(place);
        c.seconds.remove(place);
        c.nanos.remove(place);
        c.severity.remove(place);
        c.body.drain(2 * place..2 * place + 2);
        if !c.body_kind.is_empty() {
            c.body_kind.remove(place);
        }
        c.attribute_end.remove(place);
    }
}

/// The numbers of the records whose body contains the mark.
pub fn marked(batch: &Batch) -> Vec<usize> {
    let body = |r: usize| {
        let (start, length) = (batch.body[2 * r] as usize, batch.body[2 * r + 1] as usize);
        batch.text.get(start..start + length).unwrap_or(&[])
    };
    let is_marked = |r: &usize| {
        body(*r)
            .windows(crate::MARK.len())
            .any(|w| w == crate::MARK)
    };
    (0..batch.seconds.len()).filter(is_marked).collect()
}
