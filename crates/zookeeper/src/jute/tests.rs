//! Round trips, and bytes that are no messages.

use bytes::Bytes;

use super::*;

fn requests() -> Vec<Request> {
    let path = "/barnabas/brokers/1".to_owned();
    let data = Bytes::from_static(b"{}");
    let mode = CreateMode::EPHEMERAL;
    vec![
        Request::Create { path: path.clone(), data: data.clone(), mode, with_stat: false },
        Request::Create { path: path.clone(), data: data.clone(), mode, with_stat: true },
        Request::Delete { path: path.clone(), version: -1 },
        Request::Exists { path: path.clone() },
        Request::GetData { path: path.clone() },
        Request::SetData { path: path.clone(), data, version: 3 },
        Request::GetAcl { path: path.clone() },
        Request::GetChildren { path: path.clone(), with_stat: false },
        Request::GetChildren { path: path.clone(), with_stat: true },
        Request::Sync { path },
        Request::Ping,
        Request::CloseSession,
    ]
}

fn read(message: Bytes) -> Result<(RequestHeader, Request), JuteError> {
    let mut reader = Reader::new(message);
    let header = RequestHeader::read(&mut reader)?;
    Ok((header, Request::read(header.op, &mut reader)?))
}

#[test]
fn requests_read_as_they_were_written() {
    for request in requests() {
        let (header, same) = read(request.write(7)).unwrap();
        assert_eq!((header.xid, &same), (7, &request));
    }
}

#[test]
fn every_shortened_request_is_an_error_or_another_request_but_never_a_panic() {
    for request in requests() {
        let whole = request.write(7);
        for length in 0..whole.len() {
            assert!(read(whole.slice(..length)).is_err(), "{request:?} cut at {length}");
        }
    }
}

#[test]
fn declared_lengths_are_not_believed() {
    let request = Request::GetData { path: "/a".into() }.write(1);
    for declared in [i32::MAX, 4, -2, i32::MIN] {
        let mut changed = request.to_vec();
        changed[8..12].copy_from_slice(&declared.to_be_bytes());
        assert!(read(changed.into()).is_err(), "{declared}");
    }
    let mut names = Writer::default();
    names.int(1_000_000);
    assert!(Reader::new(names.finish()).strings("children").is_err());
}

#[test]
fn responses_read_as_they_were_written() {
    let stat = Stat { czxid: 1, mzxid: 2, version: 3, ephemeral_owner: 4, num_children: 5, ..Stat::default() };
    for request in requests() {
        let response = match &request {
            Request::Create { with_stat: true, path, .. } => Response::Created(path.clone(), stat),
            Request::Create { path, .. } | Request::Sync { path } => Response::Path(path.clone()),
            Request::Exists { .. } | Request::SetData { .. } => Response::Stat(stat),
            Request::GetData { .. } => Response::Data(Bytes::from_static(b"x"), stat),
            Request::GetAcl { .. } => Response::Acl(stat),
            Request::GetChildren { with_stat: false, .. } => Response::Children(vec!["a".into(), "b".into()]),
            Request::GetChildren { .. } => Response::ChildrenAndStat(vec!["a".into()], stat),
            _ => Response::Empty,
        };
        let mut writer = Writer::default();
        response.write(&mut writer);
        assert_eq!(Response::read(&request, &mut Reader::new(writer.finish())).unwrap(), response);
    }
}

#[test]
fn connects_with_and_without_the_last_byte() {
    for read_only in [None, Some(false), Some(true)] {
        let password = Bytes::from_static(&[7; 16]);
        let request =
            ConnectRequest { last_zxid_seen: 1, timeout_ms: 2, session_id: 3, password: password.clone(), read_only };
        assert_eq!(ConnectRequest::read(&mut Reader::new(request.write())).unwrap(), request);
        let response = ConnectResponse { timeout_ms: 2, session_id: 3, password, read_only };
        assert_eq!(ConnectResponse::read(&mut Reader::new(response.write())).unwrap(), response);
    }
}

#[tokio::test]
async fn frames_hold_what_they_claim() {
    let framed = frame(b"hello");
    let mut rest = &framed[4..];
    assert_eq!(read_frame(&mut rest, 5).await.unwrap(), "hello");
    let mut rest = &framed[4..];
    assert!(matches!(read_frame(&mut rest, 6).await, Err(FrameError::Io(_))));
    for declared in [-1, i32::MAX] {
        assert!(matches!(read_frame(&mut rest, declared).await, Err(FrameError::Length(_))));
    }
}
