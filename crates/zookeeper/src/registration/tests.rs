//! What is concluded, in virtual time.

use super::*;

const TIMEOUT: Duration = Duration::from_secs(4);

fn at(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn broker(node_id: i32, host: &str, start_id: &str) -> Registration {
    let listeners = vec![format!("PLAINTEXT://{host}:9092")];
    Registration { node_id, host: host.into(), start_id: start_id.into(), listeners }
}

fn seen(registration: &Registration, czxid: i64, version: i32) -> Seen {
    Seen { name: registration.node_name(0), registration: Some(registration.clone()), czxid, version }
}

fn observer(own: &Registration) -> Observer {
    Observer::new(own.clone(), 10, TIMEOUT)
}

fn sibling(node_id: i32, host: &str) -> Vec<Sibling> {
    vec![Sibling { node_id: Some(node_id), host: host.into() }]
}

#[test]
fn alone_at_once() {
    let own = broker(1, "kafka", "a");
    let mut observer = observer(&own);
    assert_eq!(observer.observe(&[seen(&own, 10, 0)], at(0)), Verdict::Alone);
    assert_eq!(observer.observe(&[], at(1)), Verdict::Alone);
    let over_another_connection = Seen { name: own.node_name(1), ..seen(&own, 12, 0) };
    assert_eq!(observer.observe(&[over_another_connection], at(2)), Verdict::Alone);
}

#[test]
fn who_registers_later_is_alive() {
    let (own, other) = (broker(1, "kafka1", "a"), broker(2, "kafka2", "b"));
    let verdict = observer(&own).observe(&[seen(&own, 10, 0), seen(&other, 11, 0)], at(0));
    assert_eq!(verdict, Verdict::Several(sibling(2, "kafka2")));
}

#[test]
fn who_was_there_before_may_be_gone() {
    let (own, other) = (broker(1, "kafka1", "a"), broker(2, "kafka2", "b"));
    let mut observer = observer(&own);
    assert_eq!(observer.observe(&[seen(&other, 5, 0)], at(100)), Verdict::Wait(sibling(2, "kafka2")));
    assert_eq!(observer.observe(&[seen(&other, 5, 0)], at(7_000)), Verdict::Wait(sibling(2, "kafka2")));
    assert_eq!(observer.observe(&[], at(7_050)), Verdict::Alone);
    // It came back: time counts anew.
    assert_eq!(observer.observe(&[seen(&other, 5, 0)], at(7_200)), Verdict::Wait(sibling(2, "kafka2")));
    assert_eq!(observer.observe(&[seen(&other, 5, 0)], at(14_200)), Verdict::Several(sibling(2, "kafka2")));
}

#[test]
fn who_writes_is_alive() {
    let (own, other) = (broker(1, "kafka1", "a"), broker(2, "kafka2", "b"));
    let mut observer = observer(&own);
    assert_eq!(observer.observe(&[seen(&other, 5, 3)], at(0)), Verdict::Wait(sibling(2, "kafka2")));
    assert_eq!(observer.observe(&[seen(&other, 5, 4)], at(1000)), Verdict::Several(sibling(2, "kafka2")));
}

#[test]
fn an_own_earlier_run_in_the_same_place_is_gone() {
    let own = broker(1, "kafka", "b");
    assert_eq!(observer(&own).observe(&[seen(&broker(1, "kafka", "a"), 5, 0)], at(0)), Verdict::Alone);
}

#[test]
fn an_own_earlier_run_under_another_name_is_waited_for() {
    let (own, earlier) = (broker(1, "0a1b2c", "b"), broker(1, "3d4e5f", "a"));
    assert_eq!(observer(&own).observe(&[seen(&earlier, 5, 0)], at(0)), Verdict::Wait(sibling(1, "3d4e5f")));
}

#[test]
fn twins_with_the_same_id_are_several() {
    let (own, twin) = (broker(1, "0a1b2c", "a"), broker(1, "3d4e5f", "b"));
    let verdict = observer(&own).observe(&[seen(&own, 10, 0), seen(&twin, 11, 0)], at(0));
    assert_eq!(verdict, Verdict::Several(sibling(1, "3d4e5f")));
}

#[test]
fn a_registration_that_cannot_be_read_counts() {
    let own = broker(1, "kafka1", "a");
    let strange = Seen { name: "7-x-0".into(), registration: None, czxid: 11, version: 0 };
    assert_eq!(observer(&own).observe(&[strange], at(0)), Verdict::Several(sibling(7, "")));
}
