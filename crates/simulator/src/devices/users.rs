//! Users of Macs and Shared iPads: how they come to have a channel of their own. A network user's Mac asks first
//! (`UserAuthenticate`), all of them send a `TokenUpdate` of their own (Apple schema: userauthenticate.yaml, tokenupdate.yaml).

use super::channel::{Channel, User};
use super::device::{Device, hex};
use super::fault::Fault;
use super::http::Answer;
use super::mdm_payload::MdmPayload;
use super::messages;
use super::questions::Question;
use super::state::{Enrollment, State};
use openssl::sha::sha256;
use plist::{Dictionary, Value};
use russet_protocol::Platform;
use std::sync::Arc;

impl Device {
    /// What follows an enrollment: users log in, a Mac leaves its bootstrap token with the server.
    pub(super) async fn settle_in(self: &Arc<Self>, mdm: &MdmPayload) {
        let mac = self.hardware.platform == Platform::MacOs;
        if mac && mdm.bootstrap && self.hardware.supervised {
            self.order(|orders| orders.questions.push_back(Question::SetBootstrapToken));
        }
        if mdm.per_user && (mac || self.hardware.shared) {
            // On a Shared iPad there is always somebody.
            let count = self.shared.options.users.max(usize::from(self.hardware.shared));
            self.order(|orders| orders.log_in.extend(0..count));
        }
    }

    /// A user logs in: known from before or new.
    pub(super) async fn log_in(self: &Arc<Self>, place: usize) {
        let Some(enrollment) = self.state().enrollment.clone() else { return };
        let known = self.state().users.len();
        for number in known..=place {
            match User::invent(&self.hardware, number) {
                Ok(user) => self.change(|state| state.users.push(user)),
                Err(fault) => return self.change(|state| state.last_error = Some(fault.to_string())),
            }
        }
        if let Err(fault) = self.introduce(&enrollment, place).await {
            self.change(|state| {
                state.last_error = Some(fault.to_string());
                state.problem("user-not-enrolled", fault.to_string(), None);
            });
        }
    }

    async fn introduce(self: &Arc<Self>, enrollment: &Enrollment, place: usize) -> Result<(), Fault> {
        let channel = Channel::User(place);
        let network = self.shared.options.network_users && self.hardware.platform == Platform::MacOs;
        if network && self.hardware.enrollment_id.is_none() && !self.authenticate_user(enrollment, place).await? {
            self.change(|state| {
                if let Some(user) = state.users.get_mut(place) {
                    user.declined = true;
                }
            });
            return Ok(());
        }
        let Some(user) = self.state().users.get(place).cloned() else { return Ok(()) };
        self.listen(channel, &user.token);
        let wake =
            messages::Wake { token: &user.token, magic: &user.magic, unlock_token: None, awaiting: user.awaiting };
        let names = self.names(channel);
        let update = messages::token_update(&self.hardware, &names, Some(&user), &enrollment.mdm, &wake)?;
        self.check_in_on(channel, enrollment, update).await?;
        self.change(|state| {
            if let Some(user) = state.users.get_mut(place) {
                user.live = true;
            }
        });
        Ok(())
    }

    /// Whether the server manages this network user. Twice it is asked where it wants a digest of the password.
    async fn authenticate_user(&self, enrollment: &Enrollment, place: usize) -> Result<bool, Fault> {
        let channel = Channel::User(place);
        let first = self.say(enrollment, channel, "UserAuthenticate", vec![]).await?;
        let Some(challenge) = text_in(&first, "DigestChallenge") else { return Ok(false) };
        if challenge.is_empty() {
            return Ok(true);
        }
        let name = self.state().users.get(place).map(|user| user.short_name.clone()).unwrap_or_default();
        let digest = hex(&sha256(format!("{name}:secret:{challenge}").as_bytes()));
        let second =
            self.say(enrollment, channel, "UserAuthenticate", vec![("DigestResponse", digest.as_str().into())]).await?;
        let token = text_in(&second, "AuthToken").filter(|token| !token.is_empty());
        self.change(|state| {
            if let Some(user) = state.users.get_mut(place) {
                user.auth_token = token.clone();
            }
        });
        Ok(token.is_some())
    }

    /// Sends a check-in message and gives whatever final answer came.
    pub(super) async fn say(
        &self,
        enrollment: &Enrollment,
        channel: Channel,
        kind: &str,
        keys: Vec<(&'static str, Value)>,
    ) -> Result<Answer, Fault> {
        let body = messages::asking(kind, &self.names(channel), keys)?;
        let wire = self.signed(channel, enrollment, &enrollment.mdm.check_in_url, messages::CHECK_IN, body)?;
        self.persist(|| async {
            let answer = enrollment.http.send(&wire).await?;
            if answer.status.is_server_error() { Err(answer.fault()) } else { Ok(answer) }
        })
        .await
    }

    /// Users go with the enrollment they were known in.
    pub(super) fn forget_users(&self, state: &mut State) {
        for user in std::mem::take(&mut state.users) {
            self.shared.courier.forget(&hex(&user.token));
        }
        state.profiles.retain(|installed| installed.channel == Channel::Device);
        // Places are given anew, so that an answer to a user who is gone is nobody's.
        state.known.retain(|(channel, _), _| *channel == Channel::Device);
        state.answers.retain(|kept| kept.channel == Channel::Device);
    }
}

/// A text in an answer that is a property list with status 200.
fn text_in(answer: &Answer, key: &str) -> Option<String> {
    if answer.status != http::StatusCode::OK {
        return None;
    }
    plist::from_bytes::<Dictionary>(&answer.body).ok()?.get(key)?.as_string().map(str::to_owned)
}
