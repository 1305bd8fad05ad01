"""A policy under which a browser runs no code and applies no style that stands in a page."""


def content_security_policy(get_response):
    def respond(request):
        response = get_response(request)
        response["Content-Security-Policy"] = "default-src 'self'"
        return response

    return respond
