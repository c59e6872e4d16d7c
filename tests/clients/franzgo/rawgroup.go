package main

import (
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func rawGroupChecks() []check {
	return []check{
		{"rawgroup_join_errors", joinErrors},
		{"rawgroup_member_id_required", memberIDRequired},
		{"rawgroup_full_round", fullRound},
		{"rawgroup_coordinator_is_usable_at_once", coordinatorUsable},
		{"rawgroup_vanished_member_expires", vanishedMember},
		{"rawgroup_commit_special_offsets", specialOffsets},
		{"rawgroup_find_coordinator_single_and_batched", findCoordinator},
	}
}

func joinRequest(group, member string) *kmsg.JoinGroupRequest {
	request := kmsg.NewPtrJoinGroupRequest()
	request.Group, request.MemberID, request.ProtocolType = group, member, "consumer"
	request.SessionTimeoutMillis, request.RebalanceTimeoutMillis = 6000, 6000
	protocol := kmsg.NewJoinGroupRequestProtocol()
	protocol.Name, protocol.Metadata = "range", []byte{0, 1, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}
	request.Protocols = append(request.Protocols, protocol)
	return request
}

func (w *wire) join(request *kmsg.JoinGroupRequest, version int16) *kmsg.JoinGroupResponse {
	return w.ask(request, version).(*kmsg.JoinGroupResponse)
}

// joined goes through MEMBER_ID_REQUIRED and ends as a stable group of one.
func (w *wire) joined(group string) *kmsg.JoinGroupResponse {
	first := w.join(joinRequest(group, ""), 7)
	w.t.is(kerr.MemberIDRequired, kerr.ErrorForCode(first.ErrorCode))
	answer := w.join(joinRequest(group, first.MemberID), 7)
	w.t.must(kerr.ErrorForCode(answer.ErrorCode))
	w.t.must(kerr.ErrorForCode(w.sync(group, answer.MemberID, answer.Generation).ErrorCode))
	return answer
}

func (w *wire) sync(group, member string, generation int32) *kmsg.SyncGroupResponse {
	request := kmsg.NewPtrSyncGroupRequest()
	request.Group, request.MemberID, request.Generation = group, member, generation
	assignment := kmsg.NewSyncGroupRequestGroupAssignment()
	assignment.MemberID, assignment.MemberAssignment = member, []byte("anything")
	request.GroupAssignment = append(request.GroupAssignment, assignment)
	return w.ask(request, 4).(*kmsg.SyncGroupResponse)
}

func (w *wire) heartbeat(group, member string, generation int32) error {
	request := kmsg.NewPtrHeartbeatRequest()
	request.Group, request.MemberID, request.Generation = group, member, generation
	return kerr.ErrorForCode(w.ask(request, 4).(*kmsg.HeartbeatResponse).ErrorCode)
}

// ready waits for the coordinator of a group, as every client does.
func (t *T) ready(group string) *wire {
	w := t.dial("raw")
	t.eventually(func() {
		request := kmsg.NewPtrFindCoordinatorRequest()
		request.CoordinatorKey = group
		t.must(kerr.ErrorForCode(w.ask(request, 3).(*kmsg.FindCoordinatorResponse).ErrorCode))
	})
	t.visible(func() {
		t.holds(w.heartbeat(group, "nobody", 1) == kerr.UnknownMemberID, "the coordinator answers")
	})
	return w
}

func joinErrors(t *T) {
	group := unique("group")
	w := t.ready(group)
	t.is(kerr.InvalidGroupID, kerr.ErrorForCode(w.join(joinRequest("", ""), 7).ErrorCode))
	short := joinRequest(group, "")
	short.SessionTimeoutMillis = 100
	t.is(kerr.InvalidSessionTimeout, kerr.ErrorForCode(w.join(short, 7).ErrorCode))
	t.is(kerr.UnknownMemberID, kerr.ErrorForCode(w.join(joinRequest(group, "never-seen"), 7).ErrorCode))
	empty := joinRequest(group, "")
	empty.Protocols = nil
	t.is(kerr.InconsistentGroupProtocol, kerr.ErrorForCode(w.join(empty, 7).ErrorCode))
	w.joined(group)
	other := joinRequest(group, "")
	other.ProtocolType = "connect"
	t.is(kerr.InconsistentGroupProtocol, kerr.ErrorForCode(w.join(other, 7).ErrorCode))
	foreign := joinRequest(group, "")
	foreign.Protocols[0].Name = "mine-alone"
	t.is(kerr.InconsistentGroupProtocol, kerr.ErrorForCode(w.join(foreign, 7).ErrorCode))
}

func memberIDRequired(t *T) {
	group := unique("group")
	w := t.ready(group)
	answer := w.join(joinRequest(group, ""), 4)
	t.is(kerr.MemberIDRequired, kerr.ErrorForCode(answer.ErrorCode))
	t.holds(strings.HasPrefix(answer.MemberID, "raw-"), "member id begins with the client id, got %s", answer.MemberID)
	old := w.join(joinRequest(unique("group"), ""), 3)
	t.must(kerr.ErrorForCode(old.ErrorCode))
	t.equal(int32(1), old.Generation, "generation, at once in version 3")
	t.equal(old.LeaderID, old.MemberID, "leader")
}

func fullRound(t *T) {
	group := unique("group")
	w := t.ready(group)
	me := w.joined(group)
	t.must(w.heartbeat(group, me.MemberID, me.Generation))
	t.is(kerr.IllegalGeneration, w.heartbeat(group, me.MemberID, me.Generation+1))
	t.is(kerr.UnknownMemberID, w.heartbeat(group, "never-seen", me.Generation))
	t.is(kerr.IllegalGeneration, kerr.ErrorForCode(w.sync(group, me.MemberID, me.Generation+1).ErrorCode))
	t.equal([]byte("anything"), w.sync(group, me.MemberID, me.Generation).MemberAssignment, "assignment asked for again")
	leave := kmsg.NewPtrLeaveGroupRequest()
	leave.Group, leave.MemberID = group, me.MemberID
	t.must(kerr.ErrorForCode(w.ask(leave, 2).(*kmsg.LeaveGroupResponse).ErrorCode))
	t.is(kerr.UnknownMemberID, w.heartbeat(group, me.MemberID, me.Generation))
}

// coordinatorUsable: raw clients do not retry 14, 15 or 16 once a coordinator was named.
func coordinatorUsable(t *T) {
	for range 5 {
		group := unique("group")
		w := t.dial("raw")
		request := kmsg.NewPtrFindCoordinatorRequest()
		request.CoordinatorKey = group
		t.visible(func() { t.must(kerr.ErrorForCode(w.ask(request, 3).(*kmsg.FindCoordinatorResponse).ErrorCode)) })
		t.visible(func() { w.joined(group) })
	}
}

func vanishedMember(t *T) {
	group := unique("group")
	w := t.ready(group)
	w.joined(group)
	w.conn.Close()
	start, next := time.Now(), t.dial("raw")
	first := next.join(joinRequest(group, ""), 7)
	answer := next.join(joinRequest(group, first.MemberID), 7)
	t.must(kerr.ErrorForCode(answer.ErrorCode))
	took := time.Since(start)
	t.equal(1, len(answer.Members), "members once the other has expired")
	t.holds(took > 4*time.Second && took < 10*time.Second, "it expires after the session timeout of 6 s, took %s", took)
}

func specialOffsets(t *T) {
	topic, group := t.topic(3), unique("group")
	w := t.ready(group)
	commit := kmsg.NewPtrOffsetCommitRequest()
	commit.Group, commit.Generation = group, -1
	one := kmsg.NewOffsetCommitRequestTopic()
	one.Topic = topic
	for index, offset := range []int64{-1, -2} {
		partition := kmsg.NewOffsetCommitRequestTopicPartition()
		partition.Partition, partition.Offset = int32(index), offset
		one.Partitions = append(one.Partitions, partition)
	}
	commit.Topics = append(commit.Topics, one)
	for _, partition := range w.ask(commit, 8).(*kmsg.OffsetCommitResponse).Topics[0].Partitions {
		t.must(kerr.ErrorForCode(partition.ErrorCode))
	}
	fetch := kmsg.NewPtrOffsetFetchRequest()
	wanted := kmsg.NewOffsetFetchRequestTopic()
	wanted.Topic, wanted.Partitions = topic, []int32{0, 1, 2}
	fetch.Group, fetch.Topics = group, append(fetch.Topics, wanted)
	offsets := map[int32]int64{}
	for _, partition := range w.ask(fetch, 7).(*kmsg.OffsetFetchResponse).Topics[0].Partitions {
		t.must(kerr.ErrorForCode(partition.ErrorCode))
		offsets[partition.Partition] = partition.Offset
		t.equal("", *partition.Metadata, "metadata")
	}
	t.equal(map[int32]int64{0: -1, 1: -2, 2: -1}, offsets, "offsets")
}

func findCoordinator(t *T) {
	w, group := t.dial("raw"), unique("group")
	t.ready(group)
	single := kmsg.NewPtrFindCoordinatorRequest()
	single.CoordinatorKey = group
	for version := range int16(4) {
		answer := w.ask(single, version).(*kmsg.FindCoordinatorResponse)
		t.must(kerr.ErrorForCode(answer.ErrorCode))
		t.holds(answer.Port > 0 && answer.Host != "", "host and port in version %d", version)
	}
	batched := kmsg.NewPtrFindCoordinatorRequest()
	batched.CoordinatorKeys = []string{group, unique("group"), unique("group")}
	for version := int16(4); version <= 6; version++ {
		answer := w.ask(batched, version).(*kmsg.FindCoordinatorResponse)
		t.equal(3, len(answer.Coordinators), "coordinators")
		for _, coordinator := range answer.Coordinators {
			t.must(kerr.ErrorForCode(coordinator.ErrorCode))
		}
	}
}
