//! Plays the calls of a case with this binding.

mod arrays;
mod specifications;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};
use std::{env, fs, mem, process};

use liblars::{DType, Error, Key, NonfinitePolicy, Optimizer, Outcome, Telemetry, TensorMut, Variant};
use serde_json::{Value, json};

use arrays::{Array, bytes_of, digits_of};
use specifications::{ToldToFail, bits_of, dtype_of, named, number, schedule_of, selects, word_of};

type Answer = Result<Value, Error>;

const NOTHING: Value = Value::Null;

pub(crate) struct Player {
    optimizer: Optimizer,
    arrays: BTreeMap<String, Array>,
    checkpoints: BTreeMap<String, Vec<u8>>,
    reports: Arc<Mutex<Vec<Value>>>,
}

impl Player {
    pub(crate) fn new(arrays: &Value) -> Self {
        let arrays = arrays.as_object().expect("arrays").iter();
        Self {
            optimizer: Optimizer::new().expect("an optimizer"),
            arrays: arrays.map(|(name, array)| (name.clone(), Array::new(array))).collect(),
            checkpoints: BTreeMap::new(),
            reports: Arc::default(),
        }
    }

    /// What came of a call, as cases record it.
    pub(crate) fn play(&mut self, call: &Value) -> Value {
        let before = self.arrays.clone();
        let mut outcome = json!({});
        match catch_unwind(AssertUnwindSafe(|| self.call(call))) {
            Ok(Ok(NOTHING)) => {}
            Ok(Ok(returned)) => outcome["returns"] = returned,
            Ok(Err(error)) => outcome["error"] = error_of(&error),
            Err(panic) if panic.is::<ToldToFail>() => {
                outcome["error"] = json!({"status": "LARS_ERR_CALLBACK"});
            }
            Err(panic) => resume_unwind(panic),
        }
        for (name, array) in &self.arrays {
            if array.bytes() != before[name].bytes() {
                outcome["arrays"][name] = json!(digits_of(&array.bytes()));
            }
        }
        outcome
    }

    fn call(&mut self, call: &Value) -> Answer {
        match text(call, "call") {
            "new" => {
                self.optimizer = Optimizer::new()?;
                Ok(NOTHING)
            }
            "add_parameter" | "parameter" | "parameter_count" | "parameter_index" | "set_gradient_dtype"
            | "gradient_dtype" => self.parameters(call),
            "set" => self.set(call),
            "get" => Ok(bits_of(self.optimizer.get(index(call), key(call))?)),
            "step" | "step_flat" | "step_parameter" | "update" | "step_external" | "update_external"
            | "step_accumulated" => self.step(call).map(|outcome| json!(outcome == Outcome::Taken)),
            "accumulate" | "accumulated" | "discard_accumulated" | "set_accumulation" => {
                self.accumulation(call)
            }
            "save" | "load" | "save_and_load_file" | "load_file" => self.checkpoints(call),
            "observe" | "observed" | "step_count" | "norms" | "skip_count" | "nonfinite" | "telemetry"
            | "schedule_values" | "kernels" => self.records(call),
            "gradient_clip" => Ok(bits_of(self.optimizer.gradient_clip())),
            "nonfinite_policy" => {
                Ok(json!(format!("{:?}", self.optimizer.nonfinite_policy()).to_lowercase()))
            }
            "max_consecutive_skips" => Ok(json!(self.optimizer.max_consecutive_skips())),
            "carry_norms" => Ok(json!(self.optimizer.carry_norms())),
            "gradient_norms" => Ok(json!(self.optimizer.gradient_norms())),
            _ => self.settings(call).map(|()| NOTHING),
        }
    }

    fn parameters(&mut self, call: &Value) -> Answer {
        let optimizer = &mut self.optimizer;
        Ok(match text(call, "call") {
            "add_parameter" => {
                let shape: Vec<i64> = serde_json::from_value(call["shape"].clone()).expect("a shape");
                json!(optimizer.add_parameter(text(call, "name"), dtype(call), &shape)?)
            }
            "parameter" => {
                let found = optimizer.parameter(index(call))?;
                json!({"name": found.name, "dtype": word_of(found.dtype), "shape": found.shape})
            }
            "parameter_count" => json!(optimizer.parameter_count()),
            "parameter_index" => json!(optimizer.parameter_index(text(call, "name"))?),
            "gradient_dtype" => json!(word_of(optimizer.gradient_dtype(index(call))?)),
            _ => {
                match call["selector"].as_str() {
                    Some(glob) => optimizer.set_gradient_dtype_for(glob, dtype(call))?,
                    None => optimizer.set_gradient_dtype(dtype(call))?,
                }
                NOTHING
            }
        })
    }

    fn set(&mut self, call: &Value) -> Answer {
        let schedule = call.get("schedule").map(schedule_of).transpose()?;
        let value = match &schedule {
            Some(schedule) => liblars::Value::from(schedule),
            None => number(&call["value"]).into(),
        };
        if let Some(predicate) = call.get("predicate") {
            self.optimizer.set_if(|parameter| selects(predicate, parameter), key(call), value)?;
        } else if let Some(glob) = call["selector"].as_str() {
            self.optimizer.set_for(glob, key(call), value)?;
        } else {
            self.optimizer.set(key(call), value)?;
        }
        Ok(NOTHING)
    }

    fn settings(&mut self, call: &Value) -> Result<(), Error> {
        let optimizer = &mut self.optimizer;
        match text(call, "call") {
            "set_variant" => optimizer.set_variant(named(Variant::ALL, text(call, "variant"))),
            "set_mlperf_resnet50" => {
                optimizer.set_mlperf_resnet50(whole(call, "batch"), whole(call, "steps_per_epoch"))
            }
            "set_gradient_clip" => optimizer.set_gradient_clip(number(&call["max_norm"])),
            "set_nonfinite_policy" => {
                optimizer.set_nonfinite_policy(named(NonfinitePolicy::ALL, text(call, "policy")))
            }
            "set_max_consecutive_skips" => optimizer.set_max_consecutive_skips(whole(call, "most")),
            "set_kernels" => optimizer.set_kernels(text(call, "kernels")),
            "set_threads" => optimizer.set_threads(small(call, "threads")),
            "set_carry_norms" => optimizer.set_carry_norms(truth(call, "carry")),
            "parameters_changed" => {
                optimizer.parameters_changed();
                Ok(())
            }
            "set_gradient_norms" => optimizer.set_gradient_norms(truth(call, "wanted")),
            "set_step_count" => optimizer.set_parameter_step_count(index(call), whole(call, "steps")),
            other => panic!("no such call: {other}"),
        }
    }

    /// All forms. Arrays that are only read are copied, so that a case may name one twice.
    fn step(&mut self, call: &Value) -> Result<Outcome, Error> {
        let (gradients, read) = (self.copies(call, "gradients"), self.copies(call, "parameters"));
        let mut lent: Vec<_> = ["parameters", "parameter", "momentum", "masters", "updates"]
            .map(|role| self.take(call, role))
            .into();
        let [parameters, parameter, momentum, masters, updates] = lent.as_mut_slice() else { unreachable!() };
        let optimizer = &mut self.optimizer;
        let outcome = match text(call, "call") {
            "step" => optimizer.step(views(parameters), &gradients),
            "step_flat" => optimizer.step_flat(&mut parameters[0].1, &gradients[0]),
            "step_parameter" => {
                let gradient = &self.arrays[text(call, "gradient")];
                optimizer.step_parameter(index(call), &mut parameter[0].1, gradient)
            }
            "update" => optimizer.update(&read, &gradients, views(updates)),
            "step_external" => {
                optimizer.step_external(views(parameters), &gradients, views(momentum), views(masters))
            }
            "update_external" => {
                optimizer.update_external(&read, &gradients, views(momentum), views(updates))
            }
            _ => optimizer.step_accumulated(views(parameters)),
        };
        self.arrays.extend(lent.into_iter().flatten());
        outcome
    }

    fn accumulation(&mut self, call: &Value) -> Answer {
        match text(call, "call") {
            "set_accumulation" => self.optimizer.set_accumulation(small(call, "micro_batches"))?,
            "discard_accumulated" => self.optimizer.discard_accumulated(),
            "accumulated" => {
                let found = self.optimizer.accumulated();
                return Ok(json!([found.accumulated, found.micro_batches]));
            }
            _ => {
                let (parameters, gradients) =
                    (self.copies(call, "parameters"), self.copies(call, "gradients"));
                if call.get("parameters").is_some() {
                    self.optimizer.accumulate_with(&parameters, &gradients)?;
                } else {
                    self.optimizer.accumulate(&gradients)?;
                }
            }
        }
        Ok(NOTHING)
    }

    fn records(&mut self, call: &Value) -> Answer {
        let optimizer = &mut self.optimizer;
        Ok(match text(call, "call") {
            "kernels" => json!(optimizer.kernels()),
            "step_count" if call.get("index").is_some() => {
                json!(optimizer.parameter_step_count(index(call))?)
            }
            "step_count" => json!(optimizer.step_count()),
            "norms" => {
                let found = optimizer.norms(index(call))?;
                [found.weight_norm, found.update_norm, found.trust_ratio].map(bits_of).into_iter().collect()
            }
            "skip_count" => {
                let found = optimizer.skip_count();
                json!([found.consecutive, found.total])
            }
            "nonfinite" => {
                let found = optimizer.nonfinite()?;
                json!([found.index, found.parameter_elements, found.gradient_elements])
            }
            "telemetry" => {
                let quantity = named(Telemetry::ALL, text(call, "quantity"));
                optimizer.telemetry(quantity).into_iter().map(bits_of).collect()
            }
            "observe" if truth(call, "wanted") => {
                let reports = Arc::clone(&self.reports);
                optimizer.set_observer(move |report| {
                    let ratios = report.quantity(Telemetry::TrustRatio).iter().copied();
                    let told =
                        json!([report.skipped(), report.steps(), ratios.map(bits_of).collect::<Value>()]);
                    reports.lock().unwrap().push(told);
                })?;
                NOTHING
            }
            "observe" => {
                optimizer.remove_observer();
                NOTHING
            }
            "observed" => mem::take(&mut *self.reports.lock().unwrap()).into(),
            _ => {
                let schedule = schedule_of(&call["schedule"])?;
                let steps = call["steps"].as_array().expect("steps").iter();
                let values = steps.map(|step| schedule.value(step.as_u64().expect("a step")));
                values.map(|value| value.map(bits_of)).collect::<Result<Value, _>>()?
            }
        })
    }

    fn checkpoints(&mut self, call: &Value) -> Answer {
        match text(call, "call") {
            "save" => {
                let checkpoint = self.optimizer.to_bytes()?;
                let size = checkpoint.len();
                self.checkpoints.insert(text(call, "to").to_owned(), checkpoint);
                return Ok(json!(size));
            }
            "load" => match call["from"].as_str() {
                Some(name) => self.optimizer.load_bytes(&self.checkpoints[name])?,
                None => self.optimizer.load_bytes(&bytes_of(text(call, "bytes")))?,
            },
            "save_and_load_file" => {
                let file = env::temp_dir().join(format!("lars-{}.safetensors", process::id()));
                let outcome = self.optimizer.save(&file).and_then(|()| self.optimizer.load(&file));
                fs::remove_file(&file).expect("the file that was saved");
                outcome?;
            }
            _ => self.optimizer.load(text(call, "path"))?,
        }
        Ok(NOTHING)
    }

    /// Copies of the arrays that a call names under a role; none if it does not have it.
    fn copies(&self, call: &Value, role: &str) -> Vec<Array> {
        names(call, role).map(|name| self.arrays[name].clone()).collect()
    }

    /// Takes the arrays out, to be put back after the call.
    fn take(&mut self, call: &Value, role: &str) -> Vec<(String, Array)> {
        let written = role != "parameters" || !text(call, "call").starts_with("update");
        let names = names(call, role).filter(|_| written);
        names.map(|name| self.arrays.remove_entry(name).expect("an array that is named once")).collect()
    }
}

fn views(arrays: &mut [(String, Array)]) -> impl Iterator<Item = TensorMut<'_>> {
    arrays.iter_mut().map(|(_, array)| array.into())
}

fn names<'a>(call: &'a Value, role: &str) -> impl Iterator<Item = &'a str> + use<'a> {
    let given = match call.get(role) {
        Some(Value::Array(names)) => names.as_slice(),
        Some(name) => std::slice::from_ref(name),
        None => &[],
    };
    given.iter().map(|name| name.as_str().expect("a name"))
}

/// Messages about callbacks are the binding's own.
fn error_of(error: &Error) -> Value {
    match error.status().name() {
        status @ "LARS_ERR_CALLBACK" => json!({"status": status}),
        status => json!({"status": status, "message": error.message()}),
    }
}

fn text<'a>(call: &'a Value, name: &str) -> &'a str {
    call[name].as_str().expect(name)
}

fn whole(call: &Value, name: &str) -> u64 {
    call[name].as_u64().expect(name)
}

fn small(call: &Value, name: &str) -> u32 {
    whole(call, name).try_into().expect(name)
}

fn truth(call: &Value, name: &str) -> bool {
    call[name].as_bool().expect(name)
}

fn index(call: &Value) -> u32 {
    small(call, "index")
}

fn key(call: &Value) -> Key {
    named(Key::ALL, text(call, "key"))
}

fn dtype(call: &Value) -> DType {
    dtype_of(text(call, "dtype"))
}
