//! Where credentials come from: variables of the environment, and for S3 the files of AWS's own tools. They are handed to the client
//! and kept nowhere else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The options of a store's client: the variables whose names begin with `AWS_`, `GOOGLE_` or `AZURE_`, in small letters; and for S3 what
/// a profile of AWS's files says and no variable does.
pub(crate) fn options(variables: impl Iterator<Item = (String, String)>) -> BTreeMap<String, String> {
    let is_ours = |name: &str| ["AWS_", "GOOGLE_", "AZURE_"].iter().any(|prefix| name.starts_with(prefix));
    let variables: BTreeMap<String, String> = variables.filter(|(name, value)| is_ours(name) && !value.is_empty()).collect();
    let profile = variables.get("AWS_PROFILE").cloned().unwrap_or_else(|| "default".to_owned());
    let file = |variable: &str, name: &str| {
        let named = variables.get(variable).map(PathBuf::from);
        named.or_else(|| Some(chorus_platform::folders::home()?.join(".aws").join(name)))
    };
    let mut options: BTreeMap<String, String> =
        variables.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect();
    // Keys of one account and the session of another would not fit each other.
    let has_account = ["aws_access_key_id", "aws_web_identity_token_file", "aws_container_credentials_relative_uri"]
        .iter()
        .any(|name| options.contains_key(*name));
    if !has_account && let Some(path) = file("AWS_SHARED_CREDENTIALS_FILE", "credentials") {
        let wanted = ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"];
        options.extend(section(&path, &profile).into_iter().filter(|(key, _)| wanted.contains(&key.as_str())));
    }
    if !options.contains_key("aws_region")
        && !options.contains_key("aws_default_region")
        && let Some(path) = file("AWS_CONFIG_FILE", "config")
    {
        let name = if profile == "default" { profile } else { format!("profile {profile}") };
        let region = section(&path, &name).remove("region");
        options.extend(region.map(|region| ("aws_region".to_owned(), region)));
    }
    options
}

/// The values of a section of a file such as `~/.aws/credentials`; none where there is no such file or section.
fn section(path: &Path, name: &str) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let mut is_it = false;
    let mut values = BTreeMap::new();
    for line in text.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            is_it = header.trim() == name;
        } else if let Some((key, value)) = line.split_once('=').filter(|_| is_it && !line.starts_with(['#', ';'])) {
            values.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
        options(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn variables_come_first_and_then_the_profile_of_the_files() {
        let dir = tempfile::tempdir().unwrap();
        let (credentials, config) = (dir.path().join("credentials"), dir.path().join("config"));
        std::fs::write(
            &credentials,
            "[default]\naws_access_key_id = A\naws_secret_access_key=s1\n\n# a note = no\n[field]\naws_access_key_id=F\naws_secret_access_key=s2\n",
        )
        .unwrap();
        std::fs::write(&config, "[default]\nregion=eu-west-1\n[profile field]\nregion = us-west-2\noutput=json\n").unwrap();
        let (credentials, config) = (credentials.to_str().unwrap(), config.to_str().unwrap());
        let files = [("AWS_SHARED_CREDENTIALS_FILE", credentials), ("AWS_CONFIG_FILE", config), ("HOME", "/nowhere")];
        let get = |options: &BTreeMap<String, String>, key: &str| options.get(key).cloned();
        let default = found(&files);
        assert_eq!(get(&default, "aws_access_key_id").as_deref(), Some("A"));
        assert_eq!(get(&default, "aws_region").as_deref(), Some("eu-west-1"));
        assert!(!default.contains_key("home"), "variables of others stay out");
        let field = found(&[&files[..], &[("AWS_PROFILE", "field")]].concat());
        assert_eq!(get(&field, "aws_secret_access_key").as_deref(), Some("s2"));
        assert_eq!(get(&field, "aws_region").as_deref(), Some("us-west-2"));
        assert!(!field.contains_key("output"));
        let own = found(&[&files[..], &[("AWS_ACCESS_KEY_ID", "V"), ("AWS_REGION", "sa-east-1")]].concat());
        assert_eq!(get(&own, "aws_access_key_id").as_deref(), Some("V"));
        assert!(!own.contains_key("aws_secret_access_key"), "half of another account's keys is of no use");
        assert_eq!(get(&own, "aws_region").as_deref(), Some("sa-east-1"));
    }
}
