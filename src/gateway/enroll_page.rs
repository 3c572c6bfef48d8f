//! The page behind an enrollment link, in words that a person on the device understands. Text from outside is escaped here;
//! nothing is loaded and nothing runs.

/// Why there is no profile to install.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Unknown, expired, revoked or used up.
    NotValid,
    /// The server lacks its push certificate.
    NotReady,
}

/// The page of a valid invitation. `user` is the person and `serial` the serial number it is meant for; `picture` the QR code of this page, for who has
/// opened it on another device than the one to be managed.
pub(super) fn invitation(
    organization: &str,
    code: &str,
    user: Option<&str>,
    serial: Option<&str>,
    picture: Option<&str>,
) -> String {
    let (who, code) = (escaped(organization), escaped(code));
    let person = user.map_or(String::new(), |user| format!("<p>This invitation is for <b>{}</b>.</p>", escaped(user)));
    let meant_for = serial.map_or(String::new(), |serial| {
        format!("<p>This invitation is for the device with the serial number <b>{}</b>.</p>", escaped(serial))
    });
    // Of an SVG document, the element itself.
    let picture = picture.and_then(|svg| svg.find("<svg").and_then(|start| svg.get(start..)));
    let elsewhere = picture.map_or(String::new(), |svg| {
        format!(
            "<h2>On another device?</h2><p class=\"small\">Point the camera of the device that is to be managed at this \
             picture.</p><div class=\"picture\">{svg}</div>"
        )
    });
    let body = format!(
        "<h1>{who} wants to manage this device</h1>\
         <p>{who} can then install its apps and settings here. You can remove the management at any time in Settings; \
         those apps go with it.</p>{person}{meant_for}\
         <p><a class=\"button\" href=\"/enroll/{code}/profile\">Download the profile</a></p>\
         <h2>Then, on an iPhone or iPad</h2>\
         <ol><li>Tap Allow.</li><li>Open the Settings app and tap <b>Profile Downloaded</b>.</li>\
         <li>Tap <b>Install</b> and follow the steps.</li></ol>\
         <h2>Then, on a Mac</h2>\
         <ol><li>Open System Settings and choose <b>General</b>, then <b>Device Management</b>.</li>\
         <li>Double-click the downloaded profile and click <b>Install</b>.</li></ol>\
         <p class=\"small\">Open this page in Safari, on the device that is to be managed.</p>{elsewhere}"
    );
    document(&format!("Enroll with {who}"), &body)
}

/// The page that says why it does not work, and what to do.
pub(super) fn trouble(organization: &str, what: Trouble) -> String {
    let who = escaped(organization);
    let (title, text) = match what {
        Trouble::NotValid => (
            "This invitation is not valid",
            format!("It has expired, was withdrawn, or was used already. Ask {who} for a new one."),
        ),
        Trouble::NotReady => (
            "Not ready yet",
            "No push certificate has been imported yet. If you run this server, import one with <code>russet admin \
             push-certificate import</code>; otherwise try again later."
                .to_owned(),
        ),
    };
    document(title, &format!("<h1>{title}</h1><p>{text}</p>"))
}

/// `title` and `body` are HTML already.
fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"robots\" content=\"noindex\">\
         <title>{title}</title><style>{STYLE}</style></head><body><main>{body}</main></body></html>"
    )
}

const STYLE: &str = ":root{color-scheme:light dark;font:17px/1.5 -apple-system,system-ui,sans-serif}\
main{max-width:34rem;margin:3rem auto;padding:0 1.25rem}h1{font-size:1.6rem;line-height:1.2}h2{font-size:1.05rem;margin-top:2rem}\
.button{display:inline-block;padding:.7rem 1.4rem;border-radius:.8rem;background:#a0401a;color:#fff;text-decoration:none;font-weight:600}\
.small{font-size:.85rem;opacity:.7}.picture svg{display:block;width:12rem;height:12rem;padding:.5rem;background:#fff;border-radius:.5rem}";

/// Text made inert.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_inert_and_the_button_leads_to_the_profile() {
        let picture = "<?xml version=\"1.0\"?><svg><path d=\"M0\"/></svg>";
        let page = invitation("Müller & <script>", "code_-1", Some("Mia <b>"), Some("C02"), Some(picture));
        assert!(page.contains("serial number <b>C02</b>") && page.contains("<svg><path") && !page.contains("<?xml"));
        let plain = invitation("A", "code_-1", None, None, None);
        assert!(!plain.contains("serial number") && !plain.contains("<svg"));
        assert!(page.contains("for <b>Mia &lt;b&gt;</b>"));
        assert!(page.contains("Müller &amp; &lt;script&gt; wants to manage"));
        assert!(page.contains("href=\"/enroll/code_-1/profile\""));
        assert!(!page.contains("<script"));
        assert!(trouble("A", Trouble::NotValid).contains("Ask A for a new one"));
    }
}
