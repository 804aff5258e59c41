//! S3's operations over [`Files`], and who may ask for them.
//!
//! `s3s` reads the wire and checks signatures; [`Door`] says whose key it is and refuses everything
//! that is not on its list before an operation sees it. Signatures of version 2, forms of browsers and
//! copies are not offered.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use hyper::{StatusCode, header::HeaderMap};
use s3s::{
    S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result,
    access::{S3Access, S3AccessContext},
    auth::{S3Auth, SecretKey},
    checksum::ChecksumHasher,
    crypto::Checksum as _,
    dto::{
        AbortMultipartUploadInput, AbortMultipartUploadOutput, Checksum, CommonPrefix,
        CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CreateMultipartUploadInput,
        CreateMultipartUploadOutput, DeleteObjectInput, DeleteObjectOutput, ETag,
        GetBucketLocationInput, GetBucketLocationOutput, GetObjectInput, GetObjectOutput,
        HeadBucketInput, HeadBucketOutput, HeadObjectInput, HeadObjectOutput, ListObjectsV2Input,
        ListObjectsV2Output, ListPartsInput, ListPartsOutput, Object, Part, PutObjectInput,
        PutObjectOutput, StreamingBlob, Timestamp, UploadPartInput, UploadPartOutput,
    },
    s3_error,
};
use tokio::time::timeout;

use crate::{
    BUCKET,
    files::{Chunks, Files, Found, Incoming, StoreError},
    keys::{Grant, Holder, MasterKey},
    uploads::PARTS_MAX,
};

/// A client that sends nothing for so long is given up.
const SILENCE: Duration = Duration::from_secs(60);
/// Bytes of one request's body, as S3 has it.
const BODY_MAX: u64 = 5 << 30;
const PAGE_MAX: i32 = 1_000;

/// What a dock may do below its prefix.
const OF_DOCKS: [&str; 11] = [
    "PutObject",
    "GetObject",
    "HeadObject",
    "HeadBucket",
    "GetBucketLocation",
    "ListObjectsV2",
    "CreateMultipartUpload",
    "UploadPart",
    "CompleteMultipartUpload",
    "AbortMultipartUpload",
    "ListParts",
];

/// Who comes in.
pub(crate) struct Door {
    pub(crate) master: MasterKey,
    /// Seconds since 1970.
    pub(crate) now_s: fn() -> u64,
}

impl Door {
    fn grant(&self, access_key: &str) -> S3Result<Grant> {
        let grant = MasterKey::read(access_key).ok_or_else(|| s3_error!(InvalidAccessKeyId))?;
        if grant.expires_s <= (self.now_s)() {
            return Err(s3_error!(ExpiredToken, "the session key has ended; ask for another one"));
        }
        Ok(grant)
    }
}

#[async_trait::async_trait]
impl S3Auth for Door {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        self.grant(access_key)?;
        Ok(SecretKey::from(self.master.secret_of(access_key)))
    }
}

#[async_trait::async_trait]
impl S3Access for Door {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        let credentials =
            cx.credentials().ok_or_else(|| s3_error!(AccessDenied, "no signature"))?;
        let access_key = credentials.access_key.clone();
        let grant = self.grant(&access_key)?;
        let token = session_token(cx.headers(), cx.uri().query().unwrap_or_default());
        if !token.is_some_and(|token| self.master.is_token_of(&access_key, &token)) {
            return Err(s3_error!(InvalidToken, "the session token is missing, or of another key"));
        }
        let op = cx.s3_op().name();
        let is_offered = match grant.holder {
            Holder::Tower => OF_DOCKS.contains(&op) || op == "DeleteObject",
            Holder::Dock(_) => OF_DOCKS.contains(&op),
        };
        if !is_offered {
            return Err(s3_error!(AccessDenied, "this key may not do {}", op));
        }
        let path = cx.s3_path();
        if path.get_bucket_name() != Some(BUCKET) {
            return Err(s3_error!(NoSuchBucket));
        }
        // Listings name their prefix in the query: the operation looks at it.
        if path.get_object_key().is_some_and(|key| !grant.covers(key)) {
            return Err(s3_error!(AccessDenied, "this key is for another prefix"));
        }
        cx.extensions_mut().insert(grant);
        Ok(())
    }
}

/// From the header, or from a signed address.
fn session_token(headers: &HeaderMap, query: &str) -> Option<String> {
    if let Some(header) = headers.get("x-amz-security-token") {
        return header.to_str().ok().map(str::to_owned);
    }
    // Ours is hexadecimal: nothing in it is escaped.
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(name, _)| *name == "X-Amz-Security-Token").map(|(_, v)| v.to_owned()).next()
}

/// The operations.
pub(crate) struct Operations(pub(crate) Arc<Files>);

impl From<StoreError> for S3Error {
    fn from(error: StoreError) -> Self {
        let text = error.to_string();
        let with = |code, text| S3Error::with_message(code, text);
        match error {
            StoreError::NoSuchKey => with(S3ErrorCode::NoSuchKey, text),
            StoreError::NoSuchUpload => with(S3ErrorCode::NoSuchUpload, text),
            StoreError::InvalidPart(_) => with(S3ErrorCode::InvalidPart, text),
            StoreError::BadKey | StoreError::InTheWay => with(S3ErrorCode::InvalidArgument, text),
            StoreError::TooManyUploads => with(S3ErrorCode::SlowDown, text),
            StoreError::Differs(_) => with(S3ErrorCode::BadDigest, text),
            StoreError::Quota { .. } => insufficient("QuotaExceeded", text),
            StoreError::DiskFull => insufficient("InsufficientStorage", text),
            StoreError::Disk(cause) => {
                tracing::error!(error = %cause, "the object store's disk failed");
                with(S3ErrorCode::InternalError, "the disk failed".to_owned())
            }
        }
    }
}

fn insufficient(code: &'static str, text: String) -> S3Error {
    tracing::warn!(code, "an upload was refused: {text}");
    let mut error = S3Error::with_message(S3ErrorCode::Custom(code.into()), text);
    error.set_status_code(StatusCode::INSUFFICIENT_STORAGE);
    error
}

/// What a client says that its bytes are.
struct Announced {
    md5: Option<String>,
    sums: Checksum,
}

impl Announced {
    fn hasher(&self, trailer: bool) -> ChecksumHasher {
        use s3s::crypto::{Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};
        let Checksum { checksum_crc32: a, checksum_crc32c: b, checksum_crc64nvme: c, .. } =
            &self.sums;
        ChecksumHasher {
            // Behind the body comes what clients take by themselves.
            crc32: (a.is_some() || trailer).then(Crc32::new),
            crc32c: (b.is_some() || trailer).then(Crc32c::new),
            crc64nvme: (c.is_some() || trailer).then(Crc64Nvme::new),
            sha1: self.sums.checksum_sha1.is_some().then(Sha1::new),
            sha256: self.sums.checksum_sha256.is_some().then(Sha256::new),
        }
    }

    fn check(
        &self,
        md5: [u8; 16],
        found: &Checksum,
        trailer: &HeaderMap,
    ) -> Result<(), StoreError> {
        if self.md5.as_ref().is_some_and(|said| !is_base64_of(said, &md5)) {
            return Err(StoreError::Differs("Content-MD5"));
        }
        let said = |own: &Option<String>, name: &str| {
            let behind = trailer.get(name).and_then(|value| value.to_str().ok());
            own.clone().or_else(|| behind.map(str::to_owned))
        };
        let own = &self.sums;
        for (name, own, found) in [
            ("x-amz-checksum-crc32", &own.checksum_crc32, &found.checksum_crc32),
            ("x-amz-checksum-crc32c", &own.checksum_crc32c, &found.checksum_crc32c),
            ("x-amz-checksum-crc64nvme", &own.checksum_crc64nvme, &found.checksum_crc64nvme),
            ("x-amz-checksum-sha1", &own.checksum_sha1, &found.checksum_sha1),
            ("x-amz-checksum-sha256", &own.checksum_sha256, &found.checksum_sha256),
        ] {
            if let (Some(said), Some(found)) = (said(own, name), found)
                && said != *found
            {
                return Err(StoreError::Differs("x-amz-checksum"));
            }
        }
        Ok(())
    }
}

fn is_base64_of(text: &str, md5: &[u8; 16]) -> bool {
    // Of sixteen bytes: decoded by what s3s brings would be one dependency more.
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::with_capacity(24);
    for three in md5.chunks(3) {
        let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - three.len()));
        for at in 0..4 {
            let index = (bits >> (18 - 6 * at)) & 63;
            let letter = char::from(LETTERS[index as usize]);
            encoded.push(if at > three.len() { '=' } else { letter });
        }
    }
    encoded == text
}

/// Takes a body in; the sums of what came.
async fn take_in(
    body: Option<StreamingBlob>,
    incoming: &mut Incoming<'_>,
    announced: &Announced,
    trailer: Option<s3s::TrailingHeaders>,
) -> S3Result<Checksum> {
    let mut sums = announced.hasher(trailer.is_some());
    let mut body = body.ok_or_else(|| s3_error!(IncompleteBody))?;
    loop {
        let next = timeout(SILENCE, body.next()).await;
        let Some(chunk) = next.map_err(|_| s3_error!(RequestTimeout))? else { break };
        let chunk = chunk.map_err(|error| {
            // It is here that s3s says that bytes are not what was signed.
            tracing::debug!(%error, "a body ended early or was not what was signed");
            s3_error!(IncompleteBody, "the body ended early, or is not what was signed")
        })?;
        if incoming.written + chunk.len() as u64 > BODY_MAX {
            return Err(s3_error!(EntityTooLarge));
        }
        sums.update(&chunk);
        incoming.write(&chunk)?;
        tokio::task::consume_budget().await;
    }
    let sums = sums.finalize();
    let trailer = trailer.and_then(|trailer| trailer.take()).unwrap_or_default();
    announced.check(incoming.md5(), &sums, &trailer)?;
    Ok(sums)
}

fn announced_bytes(length: Option<i64>, headers: &HeaderMap) -> S3Result<u64> {
    let decoded = headers.get("x-amz-decoded-content-length");
    let decoded = decoded.and_then(|value| value.to_str().ok()?.parse().ok());
    let bytes = decoded.or_else(|| length.and_then(|length| u64::try_from(length).ok()));
    let bytes = bytes.ok_or_else(|| s3_error!(MissingContentLength))?;
    if bytes > BODY_MAX { Err(s3_error!(EntityTooLarge)) } else { Ok(bytes) }
}

#[async_trait::async_trait]
impl S3 for Operations {
    async fn put_object(
        &self,
        req: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        let S3Request { input, headers, trailing_headers, .. } = req;
        let announced = Announced {
            md5: input.content_md5,
            sums: Checksum {
                checksum_crc32: input.checksum_crc32,
                checksum_crc32c: input.checksum_crc32c,
                checksum_crc64nvme: input.checksum_crc64nvme,
                checksum_sha1: input.checksum_sha1,
                checksum_sha256: input.checksum_sha256,
                ..Checksum::default()
            },
        };
        let bytes = announced_bytes(input.content_length, &headers)?;
        let mut incoming = self.0.begin(&input.key, bytes)?;
        let sums = take_in(input.body, &mut incoming, &announced, trailing_headers).await?;
        whole(incoming.written, bytes)?;
        let etag = incoming.keep(&input.key)?;
        tracing::debug!(key = input.key, bytes, "object stored");
        Ok(S3Response::new(PutObjectOutput {
            e_tag: Some(ETag::Strong(etag)),
            checksum_crc32: sums.checksum_crc32,
            checksum_crc32c: sums.checksum_crc32c,
            checksum_crc64nvme: sums.checksum_crc64nvme,
            checksum_sha1: sums.checksum_sha1,
            checksum_sha256: sums.checksum_sha256,
            ..PutObjectOutput::default()
        }))
    }

    async fn get_object(
        &self,
        req: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let (file, found) = self.0.open_object(&req.input.key)?;
        let Found { key, size, modified, etag } = found;
        let is_wanted = req
            .input
            .if_match
            .as_ref()
            .is_none_or(|wanted| wanted.as_etag().is_none_or(|wanted| wanted.value() == etag));
        if !is_wanted {
            return Err(s3_error!(PreconditionFailed));
        }
        let range = req.input.range.map(|range| range.check(size)).transpose();
        let range = range.map_err(|_| s3_error!(InvalidRange))?;
        let content_range =
            range.as_ref().map(|r| format!("bytes {}-{}/{size}", r.start, r.end - 1));
        let range = range.unwrap_or(0..size);
        let length = range.end - range.start;
        let chunks = Chunks::new(file, range.start, length).map_err(StoreError::from)?;
        let output = GetObjectOutput {
            accept_ranges: Some("bytes".into()),
            body: Some(StreamingBlob::wrap(stream::iter(chunks))),
            content_length: i64::try_from(length).ok(),
            content_range: content_range.clone(),
            content_type: kind(&key),
            e_tag: Some(ETag::Strong(etag)),
            last_modified: Some(Timestamp::from(modified)),
            ..GetObjectOutput::default()
        };
        Ok(match content_range {
            Some(_) => S3Response::with_status(output, StatusCode::PARTIAL_CONTENT),
            None => S3Response::new(output),
        })
    }

    async fn head_object(
        &self,
        req: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let (_, Found { key, size, modified, etag }) = self.0.open_object(&req.input.key)?;
        Ok(S3Response::new(HeadObjectOutput {
            accept_ranges: Some("bytes".into()),
            content_length: i64::try_from(size).ok(),
            content_type: kind(&key),
            e_tag: Some(ETag::Strong(etag)),
            last_modified: Some(Timestamp::from(modified)),
            ..HeadObjectOutput::default()
        }))
    }

    async fn delete_object(
        &self,
        req: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.0.delete(&req.input.key)?;
        Ok(S3Response::with_status(DeleteObjectOutput::default(), StatusCode::NO_CONTENT))
    }

    async fn list_objects_v2(
        &self,
        req: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = req.input;
        let prefix = input.prefix.clone().unwrap_or_default();
        let grant = req.extensions.get::<Grant>();
        if !grant.is_some_and(|grant| grant.covers(&prefix)) {
            return Err(s3_error!(AccessDenied, "this key lists below its own prefix alone"));
        }
        let by_folder = match input.delimiter.as_deref() {
            None | Some("") => false,
            Some("/") => true,
            Some(_) => return Err(s3_error!(NotImplemented, "the delimiter can only be a slash")),
        };
        let after = input.continuation_token.as_ref().or(input.start_after.as_ref());
        let max = input.max_keys.unwrap_or(PAGE_MAX).clamp(0, PAGE_MAX);
        let count = usize::try_from(max).unwrap_or_default();
        let page = self.0.list(&prefix, after.map(String::as_str), by_folder, count)?;
        let key_count = page.objects.len() + page.folders.len();
        let objects = page.objects.into_iter().map(|found| Object {
            e_tag: Some(ETag::Strong(found.etag)),
            key: Some(found.key),
            last_modified: Some(Timestamp::from(found.modified)),
            size: i64::try_from(found.size).ok(),
            ..Object::default()
        });
        let folders = page.folders.into_iter().map(|prefix| CommonPrefix { prefix: Some(prefix) });
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: Some(prefix),
            max_keys: Some(max),
            key_count: i32::try_from(key_count).ok(),
            is_truncated: Some(page.next.is_some()),
            next_continuation_token: page.next,
            continuation_token: input.continuation_token,
            start_after: input.start_after,
            delimiter: input.delimiter,
            contents: Some(objects.collect()),
            common_prefixes: Some(folders.collect()),
            ..ListObjectsV2Output::default()
        }))
    }

    async fn head_bucket(
        &self,
        _: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        Ok(S3Response::new(HeadBucketOutput::default()))
    }

    async fn get_bucket_location(
        &self,
        _: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        // Nothing said is the first region, which is ours.
        Ok(S3Response::new(GetBucketLocationOutput::default()))
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let input = req.input;
        let id = self.0.begin_upload(&input.key)?;
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(id),
            ..CreateMultipartUploadOutput::default()
        }))
    }

    async fn upload_part(
        &self,
        req: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let S3Request { input, headers, trailing_headers, .. } = req;
        if !(1..=PARTS_MAX).contains(&input.part_number) {
            return Err(s3_error!(InvalidArgument, "parts are numbered from 1 to {}", PARTS_MAX));
        }
        // Before its bytes are taken in.
        self.0.parts(&input.upload_id, &input.key)?;
        let announced = Announced {
            md5: input.content_md5,
            sums: Checksum {
                checksum_crc32: input.checksum_crc32,
                checksum_crc32c: input.checksum_crc32c,
                checksum_crc64nvme: input.checksum_crc64nvme,
                checksum_sha1: input.checksum_sha1,
                checksum_sha256: input.checksum_sha256,
                ..Checksum::default()
            },
        };
        let bytes = announced_bytes(input.content_length, &headers)?;
        let mut incoming = self.0.begin(&input.key, bytes)?;
        let sums = take_in(input.body, &mut incoming, &announced, trailing_headers).await?;
        whole(incoming.written, bytes)?;
        let (id, number) = (&input.upload_id, input.part_number);
        let md5 = self.0.keep_part(id, &input.key, number, incoming)?;
        Ok(S3Response::new(UploadPartOutput {
            e_tag: Some(ETag::Strong(md5)),
            checksum_crc32: sums.checksum_crc32,
            checksum_crc32c: sums.checksum_crc32c,
            checksum_crc64nvme: sums.checksum_crc64nvme,
            checksum_sha1: sums.checksum_sha1,
            checksum_sha256: sums.checksum_sha256,
            ..UploadPartOutput::default()
        }))
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let input = req.input;
        let parts = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
        let named: Option<Vec<_>> = parts
            .into_iter()
            .map(|part| Some((part.part_number?, part.e_tag?.value().to_owned())))
            .collect();
        let named = named.ok_or_else(|| s3_error!(InvalidPart))?;
        let etag = self.0.complete(&input.upload_id, &input.key, &named).await?;
        tracing::debug!(key = input.key, parts = named.len(), "object put together");
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(ETag::Strong(etag)),
            ..CompleteMultipartUploadOutput::default()
        }))
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        self.0.abort(&req.input.upload_id, &req.input.key)?;
        let output = AbortMultipartUploadOutput::default();
        Ok(S3Response::with_status(output, StatusCode::NO_CONTENT))
    }

    async fn list_parts(
        &self,
        req: S3Request<ListPartsInput>,
    ) -> S3Result<S3Response<ListPartsOutput>> {
        let input = req.input;
        let after = input.part_number_marker.unwrap_or_default();
        let max = input.max_parts.unwrap_or(PAGE_MAX).clamp(0, PAGE_MAX);
        let mut parts = self.0.parts(&input.upload_id, &input.key)?;
        parts.retain(|part| part.number > after);
        let is_truncated = parts.len() > usize::try_from(max).unwrap_or_default();
        parts.truncate(usize::try_from(max).unwrap_or_default());
        let next_part_number_marker = parts.last().map(|part| part.number);
        let parts = parts.into_iter().map(|part| Part {
            e_tag: Some(ETag::Strong(part.md5)),
            last_modified: Some(Timestamp::from(part.modified)),
            part_number: Some(part.number),
            size: i64::try_from(part.size).ok(),
            ..Part::default()
        });
        Ok(S3Response::new(ListPartsOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            is_truncated: Some(is_truncated),
            next_part_number_marker: next_part_number_marker.filter(|_| is_truncated),
            max_parts: Some(max),
            parts: Some(parts.collect()),
            ..ListPartsOutput::default()
        }))
    }
}

/// Whether everything came that was announced.
fn whole(came: u64, announced: u64) -> S3Result<()> {
    if came == announced { Ok(()) } else { Err(s3_error!(IncompleteBody)) }
}

/// What docks upload, by the end of its name.
fn kind(key: &str) -> Option<String> {
    let ending = key.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let kind = match ending.as_str() {
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "dng" => "image/x-adobe-dng",
        "mp4" => "video/mp4",
        "mov" => "video/quicktime",
        "json" => "application/json",
        _ => "application/octet-stream",
    };
    Some(kind.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn md5_in_base64_is_compared_as_it_is_written() {
        use md5::{Digest as _, Md5};
        let md5: [u8; 16] = Md5::digest(b"hello world").into();
        assert!(is_base64_of("XrY7u+Ae7tCTyyK7j1rNww==", &md5));
        assert!(!is_base64_of("XrY7u+Ae7tCTyyK7j1rNwg==", &md5));
    }

    #[test]
    fn the_token_is_found_in_header_and_address() {
        let none = HeaderMap::new();
        let query = "X-Amz-Algorithm=AWS4&X-Amz-Security-Token=abc&x=y";
        assert_eq!(session_token(&none, query).as_deref(), Some("abc"));
        assert_eq!(session_token(&none, "x=y"), None);
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-security-token", "def".parse().unwrap());
        assert_eq!(session_token(&headers, query).as_deref(), Some("def"));
    }
}
