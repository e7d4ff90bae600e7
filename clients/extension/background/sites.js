// The sites that the manifest names are in manifest.json; here is where their photos are sent, for the second wall.
// Sites change their addresses: the list is completed by what the extension sees (wall.js).

export const UPLOADS = [
  "||upload.facebook.com/",
  "||facebook.com/ajax/react_composer/attachments/photo/upload",
  "||instagram.com/rupload_igphoto/",
  "||upload.twitter.com/",
  "||upload.x.com/",
  "||linkedin.com/dms-uploads/",
  "||up.flickr.com/",
  "||photos.google.com/_/upload/",
  "||api.imgur.com/",
  "||api-upload.pinterest.com/",
  "||reddit-uploaded-media.s3",
  "||vk.com/upload",
];
